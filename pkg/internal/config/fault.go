package config

import (
	"strconv"
	"strings"
	"unicode"
)

// Fault is one reason to refuse an environment.
type Fault struct {
	Name    string // of the variable, with WSPROXY_
	Message string // never holds a secret
}

// String returns the name and the message on one line.
func (f Fault) String() string { return f.Name + ": " + f.Message }

// Faults is the error of Load: all faults of an environment, never empty.
type Faults []Fault //nolint:errname // it is the plural of Fault

// Error returns one fault per line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Warning is a remark on an environment that is nevertheless accepted.
type Warning struct {
	Name    string // of the variable, with WSPROXY_; several are separated by ", "
	Message string
}

// String returns the name and the message on one line.
func (w Warning) String() string { return w.Name + ": " + w.Message }

// maxEchoed bounds how much of a bad value a fault repeats, in bytes.
const maxEchoed = 80

// echo quotes a bad value. One with an @ may be user:password@host and is not repeated.
func echo(text string) string {
	if strings.Contains(text, "@") {
		return "the value"
	}
	if len(text) > maxEchoed {
		return strconv.Quote(text[:maxEchoed]) + "..."
	}
	return strconv.Quote(text)
}

// plainName returns a variable's name in a form that stays on one line of a log.
func plainName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
