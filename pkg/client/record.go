package client

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Header is one header of a record: its Key, and its Value, of which nil is Kafka's null.
type Header = proxy.Header

// Ack tells where Kafka has stored a record, and how often it was sent for that. Beside an error it has Sends alone.
type Ack struct {
	Partition int32
	Offset    int64
	Timestamp int64 // milliseconds since the epoch
	// Sends is how often the message was sent: again after each connection that has ended before the answer. Nothing in Kafka looks for doubles then,
	// so the record may be there as often as that. Beside an error, 0 says that it was surely not written.
	Sends int
}

// Message is a record to write. Key and Value are the bytes that Kafka is to have: a nil Key is a null key, and a nil Value a tombstone.
type Message struct {
	Key, Value []byte
	Headers    []Header
	// Partition is the one to write to, if it is not nil. Else the key decides, as Java's default partitioner does.
	Partition *int32
	// Time is the record's timestamp, in whole milliseconds. The zero time leaves it to Kafka.
	Time time.Time
	// KeyFormat and ValueFormat are checked by the proxy where they are given: with proxy.FormatJSON a Value that is not JSON is
	// refused. proxy.ParseFormat reads the name of one.
	KeyFormat, ValueFormat proxy.Format
}

// append appends the message as it is sent.
func (m *Message) append(dst []byte, avro bool) ([]byte, error) {
	r := proxy.Record{Partition: proxy.AnyPartition, Key: m.Key, Value: m.Value, Headers: m.Headers}
	if m.Partition != nil {
		r.Partition = *m.Partition
	}
	if !m.Time.IsZero() {
		r.Timestamp, r.HasTimestamp = m.Time.UnixMilli(), true
	}
	encode := codec.AppendMessage
	if avro {
		encode = codec.AppendAvroMessage
	}
	dst, err := encode(dst, &r, m.KeyFormat, m.ValueFormat)
	if err != nil {
		return dst, &Error{Code: err.Kind.String(), Message: err.Message}
	}
	return dst, nil
}

// Record is a record that was read. Key and Value are the bytes that Kafka has: a nil Key is a null key, and a nil Value a tombstone.
type Record struct {
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  int64 // milliseconds since the epoch
	Key, Value []byte
	Headers    []Header
	// KeyFormat and ValueFormat are the formats in which they came: bytearray where the bytes do not fit the one that was asked for.
	KeyFormat, ValueFormat proxy.Format

	from *consumption // nil unless Consume has delivered it
}

func newRecord(d *codec.Delivered) *Record {
	return &Record{
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp,
		Key: d.Key, Value: d.Value, Headers: d.Headers, KeyFormat: d.KeyFormat, ValueFormat: d.ValueFormat,
	}
}

// Time returns the record's timestamp.
func (r *Record) Time() time.Time { return time.UnixMilli(r.Timestamp) }

// MessageID returns the wsProxyMessageId, which identifies the record: topic-partition-offset-timestamp.
func (r *Record) MessageID() string {
	return proxy.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp}.String()
}

// Commit has the group's position moved behind the record, and all before it in its partition. It is for records of Consume with
// ManualCommit. It returns when the commit was sent; Consume sends it again while Kafka refuses it for a time, and the end of Consume
// waits for it. ErrNotHeld tells that the record will be delivered again.
func (r *Record) Commit(ctx context.Context) error {
	if r.from == nil {
		return ErrNotHeld
	}
	return r.from.commit(ctx, r)
}
