package config

import (
	"fmt"
	"io"
)

const mask = "***"

// Secret is a value that must not be shown. Every way of printing or encoding it yields ***, or nothing
// where it is empty; string(s) is the value itself.
type Secret string

// String returns the mask.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// Format implements fmt.Formatter, since verbs that do not suit a string would print it.
func (s Secret) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, s.String()) // fmt.State has nowhere to report an error
}

// MarshalText implements encoding.TextMarshaler, for logs and JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
