package codec

import (
	"bytes"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// creditName is the member of a message that grants credit.
const creditName = "credit"

// DecodeGrant reads a client's message {"credit":n}, which is JSON under every payload. is is false
// for every other message: an object that has a wsProxyMessageId too is a commit, and what is not valid JSON is
// left to the decoder of commits. Other members are ignored. n is at least 1, unless there is an error.
func DecodeGrant(frame []byte) (n int64, is bool, err *proxy.Error) {
	if !mayName(frame, creditName) { // commits need not be read twice
		return 0, false, nil
	}
	s := scanner{data: frame}
	if s.peek() != '{' {
		return 0, false, nil
	}
	var credit, id token
	scanGrant(&s, &credit, &id)
	if !s.end() || credit.kind == kindNone || id.kind != kindNone {
		return 0, false, nil
	}
	if credit.kind == kindNumber {
		if n, whole := ParseInteger(s.raw(&credit)); whole && n > 0 {
			return n, true, nil
		}
	}
	return 0, true, wrongShape(&s, creditName, &credit, "a whole number from 1 to 9223372036854775807")
}

func scanGrant(s *scanner, credit, id *token) {
	for name := range s.members {
		switch {
		case string(name) == creditName:
			s.value(credit)
		case string(name) == MessageIDName:
			s.value(id)
		default:
			s.skip()
		}
	}
}

// mayName tells whether a member of a JSON text may have the name. Only escapes can hide it.
func mayName(text []byte, name string) bool {
	return bytes.Contains(text, []byte(name)) || bytes.IndexByte(text, '\\') >= 0
}
