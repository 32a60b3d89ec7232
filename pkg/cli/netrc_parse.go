package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// netrcEntry is what a netrc says of a machine.
type netrcEntry struct{ machine, login, password string }

// parseNetrc reads the entries before the first default, as curl does: lines that begin with # and macros are left out, and a value in double
// quotes may have white space, with \" and \\ for those. An error tells the line and none of its text, which may be a secret.
func parseNetrc(text string) ([]netrcEntry, error) {
	var p netrcParser
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return slices.DeleteFunc(p.entries, func(e netrcEntry) bool { return e.login == "" }), nil
}

// netrcParser reads a netrc line by line.
type netrcParser struct {
	entries []netrcEntry
	name    string // of the value that comes next, empty where a name does; all come in pairs, account too
	inMacro bool   // until an empty line
	over    bool   // whether default has come
}

func (p *netrcParser) line(line string) error {
	line = strings.TrimSpace(line)
	switch {
	case line == "":
		p.inMacro = false
		return nil
	case p.over, p.inMacro, strings.HasPrefix(line, "#"):
		return nil
	}
	for line != "" && !p.over && !p.inMacro {
		word, rest, err := netrcWord(line)
		if err != nil {
			return err
		}
		p.take(word)
		line = strings.TrimSpace(rest)
	}
	return nil
}

// take takes the next word.
func (p *netrcParser) take(word string) {
	name := p.name
	p.name = ""
	last := len(p.entries) - 1
	switch {
	case name == "" && word == "default":
		p.over = true
	case name == "" && word == "macdef":
		p.inMacro = true
	case name == "":
		p.name = word
	case name == "machine":
		p.entries = append(p.entries, netrcEntry{machine: word})
	case name == "login" && last >= 0:
		p.entries[last].login = word
	case name == "password" && last >= 0:
		p.entries[last].password = word
	}
}

// netrcWord cuts the first word off, which may be in quotes.
func netrcWord(line string) (word, rest string, err error) {
	if line[0] != '"' {
		if end := strings.IndexAny(line, " \t"); end >= 0 {
			return line[:end], line[end:], nil
		}
		return line, "", nil
	}
	var text strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return text.String(), line[i+1:], nil
		case c == '\\' && i+1 < len(line):
			i++
			text.WriteByte(netrcEscape(line[i]))
		default:
			text.WriteByte(c)
		}
	}
	return "", "", errors.New(`a value that begins with " does not end with one`)
}

// netrcEscape returns what a letter behind a backslash stands for.
func netrcEscape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
