package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// LeastMessageLimit is the least that OutSettings.MaxMessageBytes may be, in bytes: a message without
// its value, key and headers is never longer.
const LeastMessageLimit = 1024

// fittedJSONOut is jsonOut for a client that takes messages up to a limit.
type fittedJSONOut struct {
	jsonOut

	limit int // bytes of a message
}

// omission is which parts of a record are left out so that its message is short enough.
type omission uint8

const (
	omitsValue   omission = iota
	omitsKey              // and the value
	omitsHeaders          // and the key and the value
)

func (j *fittedJSONOut) AppendRecord(dst []byte, r *proxy.Record) (frame []byte, undecodable bool) {
	begin := len(dst)
	if len(r.Key)+len(r.Value) <= j.limit { // else its message is longer under every format
		if frame, undecodable = j.jsonOut.AppendRecord(dst, r); len(frame)-begin <= j.limit {
			return frame, undecodable
		}
		dst = frame[:begin]
	}
	omits := omitsValue
	if len(r.Key) > j.limit {
		omits = omitsKey
	}
	for ; ; omits++ {
		frame, undecodable = j.appendReduced(dst, r, omits)
		if len(frame)-begin <= j.limit || omits == omitsHeaders {
			return frame, undecodable
		}
		dst = frame[:begin]
	}
}

// appendReduced appends the message that delivers r without some parts. A tombstone stays one: it has
// no value to leave out. Without a key there is none: the value tells that the headers are left out.
func (j *fittedJSONOut) appendReduced(dst []byte, r *proxy.Record, omits omission) (frame []byte, undecodable bool) {
	dst = j.appendPosition(dst, r)
	if len(r.Headers) > 0 && omits < omitsHeaders {
		dst = appendHeaders(dst, r.Headers)
	}
	switch {
	case r.Key == nil:
	case omits >= omitsKey:
		dst = appendOmitted(dst, "key", r.Key, omits)
	default:
		dst, undecodable = j.appendField(dst, "key", j.keyFormat(r.Key), r.Key)
	}
	if r.Value == nil && (r.Key != nil || omits < omitsHeaders) {
		dst, _ = j.appendField(dst, "value", j.settings.ValueFormat, nil)
	} else {
		dst = appendOmitted(dst, "value", r.Value, omits)
	}
	return append(dst, '}'), undecodable
}

// appendOmitted appends the member name for a key or a value b that is left out.
func appendOmitted(dst []byte, name string, b []byte, omits omission) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":{"value":null,"format":"bytearray","error":{"code":"MESSAGE_TOO_LARGE","message":"`...)
	dst = append(dst, name...)
	if omits == omitsHeaders {
		dst = append(dst, " and headers"...)
	}
	dst = append(dst, ` left out, beyond maxMessageBytes","bytes":`...)
	dst = appendInt(dst, int64(len(b)))
	return append(dst, "}}"...)
}
