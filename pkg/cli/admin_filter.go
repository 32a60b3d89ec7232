package cli

import (
	"net/url"

	"github.com/spf13/pflag"
)

// filter is a flag that has the admin API list less.
type filter struct {
	flag, letter string // letter may be empty
	parameter    string // of the query
	usage        string
	value        string // of the parameter, where the flag takes none; else empty
}

// add adds the flag to a command.
func (f *filter) add(flags *pflag.FlagSet) {
	if f.value != "" {
		flags.BoolP(f.flag, f.letter, false, f.usage)
		return
	}
	flags.StringP(f.flag, f.letter, "", f.usage)
}

// given returns the value of the parameter, and whether there is one.
func (f *filter) given(flags *pflag.FlagSet) (string, bool) {
	flag := flags.Lookup(f.flag)
	if f.value != "" {
		return f.value, flag.Value.String() == "true"
	}
	return flag.Value.String(), flag.Changed
}

// whoFilters select connections, as the flags of other commands name them.
func whoFilters() []filter {
	return []filter{
		{flag: "client-id", parameter: "client", usage: "list only connections of this client"},
		{flag: "group", letter: "G", parameter: "group", usage: "list only connections in this consumer group"},
		{flag: "topic", letter: "t", parameter: "topic", usage: "list only connections to this topic"},
	}
}

// chosen returns the query for the filters that were given, with its question mark, or nothing.
func chosen(given *pflag.FlagSet, filters []filter) string {
	q := make(url.Values)
	for _, one := range filters {
		if value, is := one.given(given); is {
			q.Set(one.parameter, value)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
