package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The placeholders in globs, without their braces.
const (
	subjectPlaceholder = "subject"
	claimPlaceholder   = "claim:"
)

// pattern is a glob with the placeholders {subject}, for the name of a client's principal, and
// {claim:path}, for a claim of its token. Their values are literal: a * in them matches a star.
type pattern []part

// part is text of a glob, or a placeholder.
type part struct {
	glob    string // if it is no placeholder
	subject bool
	claim   string
}

// parsePattern reads a glob with placeholders. A literal { is written \{.
func parsePattern(text string) (pattern, error) {
	var p pattern
	begin, class := 0, false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == '[':
			class = true
		case text[i] == ']':
			class = false
		case text[i] == '{' && class:
			return nil, errors.New("a placeholder cannot stand between brackets")
		case text[i] == '{':
			name, _, found := strings.Cut(text[i+1:], "}")
			placeholder, ok := parsePlaceholder(name)
			if !found || !ok {
				return nil, errors.New(`a { begins {subject} or {claim:name}; write \{ for the character itself`)
			}
			p = append(p, part{glob: text[begin:i]}, placeholder)
			i += len(name) + 1
			begin = i + 1
		}
	}
	p = append(p, part{glob: text[begin:]})
	for _, part := range p {
		if !isGlob(part.glob) {
			return nil, fmt.Errorf("%q is not a glob: it has a malformed [ ] or ends with a \\", text)
		}
	}
	return p, nil
}

func parsePlaceholder(name string) (part, bool) {
	if name == subjectPlaceholder {
		return part{subject: true}, true
	}
	claim, ok := strings.CutPrefix(name, claimPlaceholder)
	return part{claim: claim}, ok && claim != ""
}

// glob returns the pattern's glob for a client, flattened. ok is false if a placeholder has no value:
// then the pattern matches nothing.
func (p pattern) glob(who *proxy.Identity) (glob string, ok bool) {
	var b strings.Builder
	for _, part := range p {
		text, ok := part.text(who)
		if !ok {
			return "", false
		}
		b.WriteString(text)
	}
	return flatten(b.String()), true
}

// text returns a part of the glob for a client.
func (p part) text(who *proxy.Identity) (glob string, ok bool) {
	var value string
	switch {
	case p.subject:
		value = who.Principal.Name
	case p.claim != "":
		value, _ = textOf(claim(who.Claims, p.claim))
	default:
		return p.glob, true
	}
	// An empty value, or one that no name can hold, would match unintended names: with an empty claim,
	// {claim:tenant}* would match every name.
	return literal(value), value != "" && !strings.ContainsFunc(value, unicode.IsControl)
}

// hasPlaceholder tells whether the pattern depends on the client.
func (p pattern) hasPlaceholder() bool {
	return slices.ContainsFunc(p, func(part part) bool { return part.subject || part.claim != "" })
}

// patterns are alternatives.
type patterns []pattern

// match tells whether one of the patterns, as it is for a client, matches a name.
func (ps patterns) match(who *proxy.Identity, name string) bool {
	flat := flatten(name)
	return slices.ContainsFunc(ps, func(p pattern) bool {
		glob, ok := p.glob(who)
		return ok && matches(glob, flat)
	})
}
