package codec

import (
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// jsonOut is /socket/out and /socket/tail with JSON frames.
type jsonOut struct {
	settings OutSettings
	id       []byte // the beginning of every record, up to the partition in its id
	topic    []byte // the text after the id, up to the partition

	// What the last record's position was written with: the next one has the same partition, and often
	// the same timestamp.
	partition int32
	before    []byte // the text before the offset in the id, nil before the first record
	between   []byte // the text between the id and the offset
	timestamp digits
}

// NewJSONOut returns the codec of /socket/out for JSON. Without a KeyFormat a key is a
// string where it is UTF-8, else a bytearray; without a ValueFormat a value is a string.
func NewJSONOut(settings OutSettings) Out {
	settings.ValueFormat = orString(settings.ValueFormat)
	settings.MaxDepth = orDefaultDepth(settings.MaxDepth)
	quoted := appendQuoted(nil, settings.Topic)
	id := append([]byte(`{"wsProxyMessageId":`), quoted[:len(quoted)-1]...)
	topic := append([]byte(`","topic":`), quoted...)
	out := jsonOut{
		settings: settings,
		id:       append(id, '-'),
		topic:    append(topic, `,"partition":`...),
	}
	if settings.MaxMessageBytes > 0 {
		return &fittedJSONOut{out, settings.MaxMessageBytes}
	}
	return &out
}

func (j *jsonOut) Binary() bool { return false }

func (j *jsonOut) AppendRecord(dst []byte, r *proxy.Record) (frame []byte, undecodable bool) {
	dst = j.appendPosition(dst, r)
	if len(r.Headers) > 0 {
		dst = appendHeaders(dst, r.Headers)
	}
	if r.Key != nil {
		var failed bool
		dst, failed = j.appendField(dst, "key", j.keyFormat(r.Key), r.Key)
		undecodable = failed
	}
	dst, failed := j.appendField(dst, "value", j.settings.ValueFormat, r.Value)
	return append(dst, '}'), undecodable || failed
}

func (j *jsonOut) appendPosition(dst []byte, r *proxy.Record) []byte {
	if r.Partition != j.partition || j.before == nil {
		j.beginPartition(r.Partition)
	}
	timestamp := j.timestamp.of(r.Timestamp)
	dst = append(dst, j.before...)
	begin := len(dst)
	dst = appendInt(dst, r.Offset)
	end := len(dst)
	dst = append(dst, '-')
	dst = append(dst, timestamp...)
	dst = append(dst, j.between...)
	dst = append(dst, dst[begin:end]...)
	dst = append(dst, `,"timestamp":`...)
	return append(dst, timestamp...)
}

// beginPartition prepares what the positions of a partition have in common.
func (j *jsonOut) beginPartition(partition int32) {
	j.partition = partition
	j.before = append(appendInt(append(j.before[:0], j.id...), int64(partition)), '-')
	j.between = append(appendInt(append(j.between[:0], j.topic...), int64(partition)), `,"offset":`...)
}

// keyFormat returns the format in which key is encoded.
func (j *jsonOut) keyFormat(key []byte) proxy.Format {
	switch {
	case j.settings.KeyFormat != proxy.FormatNone:
		return j.settings.KeyFormat
	case utf8.Valid(key):
		return proxy.FormatString
	default:
		return proxy.FormatByteArray
	}
}

// appendField appends the member name for a key or a value b. If b does not fit format f, it
// is encoded as bytes, with the reason.
func (j *jsonOut) appendField(dst []byte, name string, f proxy.Format, b []byte) (extended []byte, undecodable bool) {
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":{"value":`...)
	complaint := ""
	if b == nil {
		dst = append(dst, "null"...)
	} else {
		dst, complaint = appendBytes(dst, f, b, &j.settings)
	}
	if complaint != "" {
		return appendUndecodable(dst, name, f, b, complaint), true
	}
	return closeField(dst, f), false
}

func closeField(dst []byte, f proxy.Format) []byte {
	dst = append(dst, `,"format":"`...)
	dst = append(dst, f.String()...)
	return append(dst, `"}`...)
}

func appendUndecodable(dst []byte, name string, f proxy.Format, b []byte, complaint string) []byte {
	dst = appendQuotedBase64(dst, b)
	dst = append(dst, `,"format":"bytearray","error":{"code":"UNDECODABLE","message":"`...)
	dst = append(dst, name...)
	dst = append(dst, " does not fit format "...)
	dst = append(dst, f.String()...)
	dst = append(dst, ": "...)
	dst = append(dst, complaint...)
	return append(dst, `"}}`...)
}

func appendHeaders(dst []byte, headers []proxy.Header) []byte {
	dst = append(dst, `,"headers":[`...)
	for i, h := range headers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"key":`...)
		dst = appendQuoted(dst, h.Key)
		dst = append(dst, `,"value":`...)
		dst = appendHeaderValue(dst, h.Value)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func appendHeaderValue(dst, value []byte) []byte {
	if value == nil {
		return append(dst, "null"...)
	}
	dst, complaint := appendIfUTF8(dst, value)
	if complaint == "" {
		return dst
	}
	dst = append(dst, `{"value":`...)
	dst = appendQuotedBase64(dst, value)
	return closeField(dst, proxy.FormatByteArray)
}
