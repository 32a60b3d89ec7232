package codec

import (
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// AppendError appends the error frame of e. It has the id of the message or commit that failed
// under idName ("messageId" or "wsProxyMessageId"); an empty idName leaves the id out.
// Error frames are JSON under every payload.
func AppendError(dst []byte, e *proxy.Error, idName, id string) []byte {
	class := e.Kind.Class()
	dst = append(dst, `{"error":{"code":`...)
	dst = appendQuoted(dst, class.Code)
	dst = append(dst, `,"message":`...)
	dst = appendQuoted(dst, e.Message)
	if class.Retriable {
		dst = append(dst, `,"retriable":true}`...)
	} else {
		dst = append(dst, `,"retriable":false}`...)
	}
	if idName != "" {
		dst = append(dst, ',')
		dst = appendQuoted(dst, idName)
		dst = append(dst, ':')
		dst = appendQuoted(dst, id)
	}
	return append(dst, '}')
}

// Errors that a short text causes many times: sharing them keeps a hostile batch cheap.
var (
	errNotAnObject = proxy.Errorf(proxy.KindInvalidMessage,
		`the message must be an object {"key":…,"value":…}, or an array of such objects`)
	errNoValue = proxy.Errorf(proxy.KindInvalidMessage,
		`value is missing: it must be null or an object {"value":…,"format":…}`)
)

func invalidJSON(s *scanner) *proxy.Error {
	if len(s.data) == 0 {
		return proxy.Errorf(proxy.KindInvalidJSON, "the message is empty: it must be JSON")
	}
	return proxy.Errorf(proxy.KindInvalidJSON, "the message is not valid JSON: at byte %d, %s", s.pos, s.fault)
}

// wrongShape returns the error that the value t of member is not what it must be.
func wrongShape(s *scanner, member string, t *token, wanted string) *proxy.Error {
	if t.kind == kindNone {
		return proxy.Errorf(proxy.KindInvalidMessage, "%s is missing: it must be %s", member, wanted)
	}
	return proxy.Errorf(proxy.KindInvalidMessage, "%s is %s: it must be %s", member, excerpt(s.raw(t)), wanted)
}

func loneSurrogate(s *scanner, member string, t *token) *proxy.Error {
	return proxy.Errorf(proxy.KindInvalidValue, "%s is %s: it %s", member, excerpt(s.raw(t)), isSurrogate)
}

// maxExcerpt is how many bytes of a client's text an error message repeats.
const maxExcerpt = 40

// excerpt returns text, or the beginning of it, for an error message.
func excerpt(text []byte) string {
	if len(text) <= maxExcerpt {
		return string(text)
	}
	end := maxExcerpt
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return string(text[:end]) + "…"
}
