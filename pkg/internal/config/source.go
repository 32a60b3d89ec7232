package config

import (
	"maps"
	"os"
	"reflect"
)

// Source says where Load finds the settings. The zero Source is the environment.
type Source struct {
	// Over holds variables, WSPROXY_NAME=value, that win over those of the environment. Of two with one
	// name the later wins; one without a value unsets that of the environment.
	Over []string
	// Alone ignores the environment, for tests and for programs that embed a proxy.
	Alone bool
	// Partial lets required settings be missing.
	Partial bool
}

// prefix is that of the variables that are read from the environment.
func (s Source) prefix() string {
	if s.Alone {
		return nowhere
	}
	return Prefix
}

// environment returns all variables of the source.
func (s Source) environment() environment {
	all := environment{}
	if !s.Alone {
		all = newEnvironment(os.Environ())
	}
	over := newEnvironment(s.Over)
	maps.Copy(all, over)
	maps.DeleteFunc(all, func(name, _ string) bool {
		text, ok := over[name]
		return ok && text == ""
	})
	return all
}

// read calls decode as process does, for the variable of that name without the prefix.
func (l *loader) read(name string, tag reflect.StructTag, decode decoder) error {
	text, over := l.over[Prefix+name]
	switch {
	case !over:
		return process(l.source.prefix(), name, tag, decode)
	case text == "":
		return process(nowhere, name, tag, decode)
	default:
		return decode(text)
	}
}

// text returns the value of a variable, or nothing.
func (l *loader) text(name string) string {
	found := ""
	_ = l.read(name, "", func(text string) error { // a variable that is neither required nor refused
		found = text
		return nil
	})
	return found
}
