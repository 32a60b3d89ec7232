package codec

import (
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// AppendMessage appends the message by which a client has a record written. The key and the value go out in the format of
// their own if that is given. Else text goes out as a string and all else as a bytearray, so that Kafka gets the same bytes.
// Bytes that do not fit their format are an error, and dst is returned as it was.
func AppendMessage(dst []byte, r *proxy.Record, key, value proxy.Format) ([]byte, *proxy.Error) {
	begin := len(dst)
	if len(r.Headers) > 0 {
		dst = appendHeaders(dst, r.Headers) // it begins with a comma
		dst[begin] = '{'
		dst = append(dst, ',')
	} else {
		dst = append(dst, '{')
	}
	var err *proxy.Error
	if r.Key != nil {
		if dst, err = appendTyped(append(dst, `"key":`...), "key", key, r.Key); err != nil {
			return dst[:begin], err
		}
		dst = append(dst, ',')
	}
	if dst, err = appendTyped(append(dst, `"value":`...), "value", value, r.Value); err != nil {
		return dst[:begin], err
	}
	if r.Partition != proxy.AnyPartition {
		dst = appendInt(append(dst, `,"partition":`...), int64(r.Partition))
	}
	if r.HasTimestamp {
		dst = appendInt(append(dst, `,"timestamp":`...), r.Timestamp)
	}
	return append(dst, '}'), nil
}

// appendTyped appends {"value":…,"format":…}. The format string, which is the proxy's default, is left out.
func appendTyped(dst []byte, member string, f proxy.Format, b []byte) ([]byte, *proxy.Error) {
	if b == nil {
		return append(dst, "null"...), nil
	}
	if f == proxy.FormatNone {
		f = proxy.FormatString
		if !utf8.Valid(b) {
			f = proxy.FormatByteArray
		}
	}
	dst, complaint := appendBytes(append(dst, `{"value":`...), f, b, &OutSettings{MaxDepth: anyDepth})
	if complaint != "" {
		return dst, proxy.Errorf(proxy.KindInvalidValue, "%s does not fit format %s: %s", member, f, complaint)
	}
	if f == proxy.FormatString {
		return append(dst, '}'), nil
	}
	return closeField(dst, f), nil
}
