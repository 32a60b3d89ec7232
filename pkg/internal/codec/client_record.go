package codec

import (
	"math"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// anyDepth is the depth that a client takes: how deep JSON may be nested is the proxy's business.
const anyDepth = math.MaxInt

// Delivered is a record as a client gets it from /socket/out, /socket/tail or /socket/queue.
type Delivered struct {
	proxy.Delivery // Count and Until are 0 where it is not of a queue

	Topic       string
	KeyFormat   proxy.Format
	ValueFormat proxy.Format // bytearray where the value does not fit the format that was asked for
}

// delivered are the members of a frame as spans of it.
type delivered struct {
	id, topic, partition, offset, timestamp, headers, count, until token

	key, value field
}

// RecordDecoder reads the frames that deliver records. It is for one goroutine.
type RecordDecoder struct {
	topic string // the last one: records mostly have that of those before them
}

// Decode reads a frame. is is false where it is another one: a JSON object without a wsProxyMessageId, such as a cursor. The record shares no
// memory with the frame.
func (d *RecordDecoder) Decode(frame []byte, into *Delivered) (is bool, err *proxy.Error) {
	s := scanner{data: frame, maxDepth: anyDepth}
	var m delivered
	if s.peek() == '{' {
		m.scan(&s)
	} else {
		s.skip()
	}
	if !s.end() {
		return false, invalidJSON(&s)
	}
	if m.id.kind != kindString || m.offset.kind != kindNumber {
		return false, nil
	}
	if m.topic.kind == kindString {
		if topic := s.text(&m.topic); string(topic) != d.topic {
			d.topic = string(topic)
		}
	}
	into.Topic = d.topic
	return true, into.fill(&s, &m)
}

func (m *delivered) scan(s *scanner) {
	for name := range s.members {
		switch string(name) {
		case MessageIDName:
			s.value(&m.id)
		case "topic":
			s.value(&m.topic)
		case "partition":
			s.value(&m.partition)
		case "offset":
			s.value(&m.offset)
		case "timestamp":
			s.value(&m.timestamp)
		case "headers":
			s.value(&m.headers)
		case "key":
			m.key.scan(s)
		case "value":
			m.value.scan(s)
		case "delivery":
			m.scanDelivery(s)
		default:
			s.skip()
		}
	}
}

func (m *delivered) scanDelivery(s *scanner) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	for name := range s.members {
		switch string(name) {
		case "count":
			s.value(&m.count)
		case "until":
			s.value(&m.until)
		default:
			s.skip()
		}
	}
}

// fill takes the members of a frame.
func (r *Delivered) fill(s *scanner, m *delivered) (err *proxy.Error) {
	number := func(t *token) int64 {
		n, _ := integer(s, t)
		return n
	}
	r.Partition, r.Offset, r.Timestamp = int32(number(&m.partition)), number(&m.offset), number(&m.timestamp)
	r.HasTimestamp = r.Timestamp >= 0
	r.Count, r.Until = int(number(&m.count)), number(&m.until)
	if r.Headers, err = decodeHeaders(s, &m.headers); err != nil {
		return err
	}
	if r.Key, r.KeyFormat, err = fieldBytes(s, "key", &m.key); err != nil {
		return err
	}
	r.Value, r.ValueFormat, err = fieldBytes(s, "value", &m.value)
	return err
}

// fieldBytes returns the bytes that a key or a value has in Kafka.
func fieldBytes(s *scanner, member string, f *field) (b []byte, format proxy.Format, err *proxy.Error) {
	if format, err = f.resolve(s, member, proxy.FormatString); err != nil {
		return nil, format, err
	}
	b, err = decodeField(make([]byte, sizeOf(format, &f.value)), s, member, format, &f.value)
	return b, format, err
}
