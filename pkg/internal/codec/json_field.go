package codec

import (
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// field is the {"value":…,"format":…} of a key, a value or a header's value.
type field struct {
	kind          kind // of the value in place of the object
	value, format token
}

// scan reads the value at which the scanner is, and overwrites f.
func (f *field) scan(s *scanner) {
	*f = field{kind: kindObject}
	if s.peek() != '{' {
		s.value(&f.value)
		f.kind = f.value.kind
		return
	}
	for name := range s.members {
		switch string(name) {
		case "value":
			s.value(&f.value)
		case "format":
			s.value(&f.format)
		default:
			s.skip()
		}
	}
}

// resolve validates the shape of f, the value of member, and returns its format: fallback where f
// names none. Afterwards f.value is null where f is null or absent.
func (f *field) resolve(s *scanner, member string, fallback proxy.Format) (proxy.Format, *proxy.Error) {
	switch f.kind {
	case kindNone, kindNull:
		f.value.kind = kindNull
		return fallback, nil
	case kindObject:
	default:
		return fallback, proxy.Errorf(proxy.KindInvalidMessage,
			`%s must be null or an object {"value":…,"format":…}`, member)
	}
	if f.value.kind == kindNone {
		return fallback, proxy.Errorf(proxy.KindInvalidMessage, "%s.value is missing", member)
	}
	if isAbsent(&f.format) {
		return fallback, nil
	}
	return parseFormat(s, member, &f.format)
}

// decodeField returns the bytes of t, which is the value at member, in buffer, which has
// room for them. They are nil if t is null.
func decodeField(buffer []byte, s *scanner, member string, f proxy.Format, t *token) ([]byte, *proxy.Error) {
	if t.kind == kindNull {
		return nil, nil
	}
	bytes, complaint := appendValue(buffer[:0], f, s, t)
	if complaint != "" {
		return nil, proxy.Errorf(proxy.KindInvalidValue, "%s.value does not fit format %s: %s %s",
			member, f, excerpt(s.raw(t)), complaint)
	}
	if bytes == nil {
		bytes = []byte{} // empty, not null
	}
	return slices.Clip(bytes), nil
}

// parseFormat reads the format named by t, which is a member of member.
func parseFormat(s *scanner, member string, t *token) (proxy.Format, *proxy.Error) {
	if t.kind == kindString {
		name := s.text(t)
		if f := formatOf(name); f != proxy.FormatNone {
			return f, nil
		}
		if f, err := proxy.ParseFormat(string(name)); err == nil {
			return f, nil
		}
	}
	return proxy.FormatNone, proxy.Errorf(proxy.KindInvalidMessage,
		"%s.format is %s: it must be one of %s", member, excerpt(s.raw(t)), proxy.FormatNames)
}

// formatOf knows the names as most clients write them. Unlike proxy.ParseFormat it needs no
// memory.
func formatOf(name []byte) proxy.Format {
	switch string(name) {
	case "string":
		return proxy.FormatString
	case "json":
		return proxy.FormatJSON
	case "bytearray":
		return proxy.FormatByteArray
	case "avro":
		return proxy.FormatAvro
	case "long":
		return proxy.FormatLong
	case "int":
		return proxy.FormatInt
	case "short":
		return proxy.FormatShort
	case "double":
		return proxy.FormatDouble
	case "float":
		return proxy.FormatFloat
	}
	return proxy.FormatNone
}
