package codec

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// AppendAvroMessage is AppendMessage in Avro. The message has an id, so that an error frame about it can be told from one about the
// connection. What the schema has no place for is an error: a partition, a timestamp, and headers that are no text.
func AppendAvroMessage(dst []byte, r *proxy.Record, key, value proxy.Format) ([]byte, *proxy.Error) {
	begin := len(dst)
	err := checkAvroMessage(r)
	if err == nil && r.Key != nil {
		dst, err = appendAvroTyped(dst, "key", avroNull, key, r.Key)
	} else {
		dst = appendAvroLong(dst, int64(avroNull))
	}
	switch {
	case err != nil:
	case r.Value != nil:
		dst, err = appendAvroTyped(dst, "value", avroBytes, value, r.Value)
	default:
		dst, _ = appendAvroValue(dst, avroBytes, proxy.FormatByteArray, nil, anyDepth)
	}
	if err != nil {
		return dst[:begin], err
	}
	dst = appendAvroHeaders(dst, r.Headers, r.Value == nil)
	return appendAvroBytes(appendAvroLong(dst, 1), avroMessageID), nil
}

// avroMessageID is the id of all messages of a client: answers come in the order of messages.
const avroMessageID = "m"

// checkAvroMessage refuses what would be written otherwise than the caller says.
func checkAvroMessage(r *proxy.Record) *proxy.Error {
	switch {
	case r.Partition != proxy.AnyPartition:
		return proxy.Errorf(proxy.KindInvalidMessage, "the Avro payload has no place for a partition: take JSON")
	case r.HasTimestamp:
		return proxy.Errorf(proxy.KindInvalidMessage, "the Avro payload has no place for a timestamp: take JSON")
	}
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Value == nil || !utf8.Valid(h.Value) || !utf8.ValidString(h.Key) || isTombstoneMark(h) {
			return proxy.Errorf(proxy.KindInvalidMessage, "the Avro payload has no place for the header %q: it is null or no text; take JSON", h.Key)
		}
	}
	return nil
}

// appendAvroTyped appends a key or a value in the branch of its format. Without one, bytes go out as bytes, as they are.
func appendAvroTyped(dst []byte, member string, first avroBranch, f proxy.Format, b []byte) ([]byte, *proxy.Error) {
	if f == proxy.FormatNone {
		f = proxy.FormatByteArray
	}
	dst, unfit := appendAvroValue(dst, first, f, b, anyDepth)
	if unfit {
		return dst, proxy.Errorf(proxy.KindInvalidValue, "%s does not fit format %s", member, f)
	}
	return dst, nil
}

// DecodeAvroAnswer reads an AvroProducerResult.
func DecodeAvroAnswer(frame []byte) (Answer, error) {
	r := avroReader{data: frame}
	var a Answer
	r.string() // the topic
	a.Ack.Partition, a.Ack.Offset, a.Ack.Timestamp = r.int(), r.long(), r.long()
	r.messageID()
	if !r.end() {
		return a, errAnswer
	}
	return a, nil
}

// DecodeAvro reads an AvroConsumerRecord. key and value are the formats that were asked for: a branch has several. The record shares no memory with
// the frame.
func (d *RecordDecoder) DecodeAvro(frame []byte, key, value proxy.Format, into *Delivered) *proxy.Error {
	owned := make([]byte, len(frame), len(frame)+2*maxNumber)
	copy(owned, frame)
	r := avroReader{data: owned}
	r.string() // the id, which the position makes up
	if topic := r.string(); string(topic) != d.topic {
		d.topic = string(topic)
	}
	into.Topic = d.topic
	into.Partition, into.Offset, into.Timestamp = r.int(), r.long(), r.long()
	into.HasTimestamp = into.Timestamp >= 0
	var k, v avroValue
	r.readValue(&k, avroNull)
	r.readValue(&v, avroBytes)
	headers, tombstone := r.headers()
	if !r.end() {
		return r.err("AvroConsumerRecord")
	}
	if into.Headers = headers; len(headers) == 0 { // there may have been the mark of a tombstone
		into.Headers = nil
	}
	for i := range into.Headers {
		restoreHeader(&into.Headers[i])
	}
	into.KeyFormat, into.ValueFormat = k.formatAs(key), v.formatAs(value)
	var err error
	if k.branch != avroNull {
		into.Key, err = k.delivered(&owned, into.KeyFormat)
	}
	if !tombstone && err == nil {
		into.Value, err = v.delivered(&owned, into.ValueFormat)
	}
	if err != nil {
		return proxy.Errorf(proxy.KindInvalidMessage, "%s", err)
	}
	return nil
}

// formatAs returns the format in which a value came: the one that was asked for if its branch is that of it.
func (v *avroValue) formatAs(asked proxy.Format) proxy.Format {
	switch {
	case v.branch == avroNull, asked != proxy.FormatNone && branchOf(asked) == v.branch:
		return asked
	}
	return formatOfBranch(v.branch)
}

func (v *avroValue) delivered(scratch *[]byte, f proxy.Format) ([]byte, error) {
	b, complaint := v.encode(scratch, f, anyDepth)
	if complaint != "" {
		return nil, errors.New(complaint)
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

// restoreHeader gives a header that came in base64, as one that is no text does, its bytes.
func restoreHeader(h *proxy.Header) {
	key, marked := strings.CutSuffix(h.Key, base64Mark)
	if !marked {
		return
	}
	if b, err := base64.StdEncoding.DecodeString(string(h.Value)); err == nil && !utf8.Valid(b) {
		h.Key, h.Value = key, b
	}
}

// AppendAvroCommit appends an AvroCommit.
func AppendAvroCommit(dst []byte, id string) []byte { return appendAvroBytes(dst, id) }
