package deflate

import "strings"

// offer is one extension of a Sec-WebSocket-Extensions header: its name and its parameters in their order.
type offer struct {
	name       string
	parameters []parameter
}

// parameter is one parameter of an offer. Its value is empty if and only if it has none.
type parameter struct{ name, value string }

// scanner takes a header value apart by the grammar of RFC 6455, section 9.1:
//
//	extension-list = 1#( token *( ";" token [ "=" ( token | quoted-string ) ] ) )
//
// where a quoted value must be a token once it is unquoted. White space may stand around each part.
type scanner struct{ rest string }

// parseOffers returns the offers of a header value, and false if the value breaks the grammar. Empty
// elements of the list do not count, as RFC 9110, section 5.6.1 demands.
func parseOffers(value string) ([]offer, bool) {
	s := scanner{value}
	var offers []offer
	for {
		s.space()
		if s.rest != "" && s.rest[0] != ',' {
			o, ok := s.offer()
			if !ok {
				return nil, false
			}
			offers = append(offers, o)
		}
		if s.rest == "" {
			return offers, true
		}
		if !s.skip(',') {
			return nil, false
		}
	}
}

// offer takes one extension with its parameters, and the white space after it.
func (s *scanner) offer() (offer, bool) {
	name, ok := s.token()
	o := offer{name: name}
	for ok && s.skip(';') {
		var p parameter
		if p, ok = s.parameter(); ok {
			o.parameters = append(o.parameters, p)
		}
	}
	return o, ok
}

func (s *scanner) parameter() (parameter, bool) {
	name, ok := s.token()
	if !ok || !s.skip('=') {
		return parameter{name: name}, ok
	}
	value, ok := s.value()
	return parameter{name, value}, ok
}

// value takes a token, or a quoted string whose content is one.
func (s *scanner) value() (string, bool) {
	if !s.skip('"') {
		return s.token()
	}
	var content []byte
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			s.space()
			return string(content), len(content) > 0
		case c == '\\' && i+1 < len(s.rest):
			i++
			fallthrough
		default:
			if !isTokenByte(s.rest[i]) {
				return "", false
			}
			content = append(content, s.rest[i])
		}
	}
	return "", false
}

// token takes a token with the white space around it.
func (s *scanner) token() (string, bool) {
	s.space()
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	token := s.rest[:n]
	s.rest = s.rest[n:]
	s.space()
	return token, n > 0
}

// skip takes a byte and the white space after it, if the byte comes next. Inside of quotes white space
// belongs to the value, where it is a fault.
func (s *scanner) skip(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	if c != '"' {
		s.space()
	}
	return true
}

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

// isTokenByte tells whether a token may have the byte: RFC 9110, section 5.6.2.
func isTokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c))
}
