// Package config turns the environment into one validated Config. It reports every fault
// at once and opens nothing but the files that a variable's _FILE form names.
//
// Package envconfig reads the variables: it finds the value of a name, the default of an unset one, and
// missing ones, and calls the decoder of the text. This package adds what envconfig lacks: reports of all
// faults together and without secrets, files with values, bounds and forms, unknown names.
//
// The tags of Config's fields are the only source of what Load accepts and of what `wsproxy config` and
// docs/configuration.md show:
//
//	env       the variable's name without "WSPROXY_"
//	default   the value of an unset or empty variable, as a user would write it
//	like      instead of default: an earlier setting whose value is the default
//	shown     how tables show the default where that says more than the value
//	required  there is no default
//	min, max  bounds of a number, size (int64) or duration
//	choices   the accepted values, without regard to case
//	check     the form of a string, or of each item of a list; see checkForm
//	help      one line for users
package config
