package codec

import (
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// DefaultMaxDepth is the deepest nesting accepted where settings name none.
const DefaultMaxDepth = 512

// jsonIn is /socket/in with JSON frames.
type jsonIn struct {
	keyFormat, valueFormat proxy.Format
	maxDepth               int
	ackHead                []byte // the beginning of every ack, up to the partition
	clientMessageID        bool   // whether acks have the id under this name, too
	slab                   slab
}

// NewJSONIn returns the codec of /socket/in for JSON. Where settings name no format, it is string.
// Where a message has a member twice, the last one counts; null for an optional member is treated
// as its absence.
func NewJSONIn(settings InSettings) In {
	ackHead := appendQuoted([]byte(`{"topic":`), settings.Topic)
	return &jsonIn{
		keyFormat:       orString(settings.KeyFormat),
		valueFormat:     orString(settings.ValueFormat),
		maxDepth:        orDefaultDepth(settings.MaxDepth),
		ackHead:         append(ackHead, `,"partition":`...),
		clientMessageID: settings.ClientMessageID,
	}
}

func orString(f proxy.Format) proxy.Format {
	if f == proxy.FormatNone {
		return proxy.FormatString
	}
	return f
}

func orDefaultDepth(depth int) int {
	if depth <= 0 {
		return DefaultMaxDepth
	}
	return depth
}

func (j *jsonIn) Binary() bool { return false }

func (j *jsonIn) Decode(frame []byte, into []Message) (messages []Message, batch *Batch) {
	s := scanner{data: frame, maxDepth: j.maxDepth}
	begin := len(into)
	if s.peek() == '[' {
		batch = new(Batch)
		into = j.decodeBatch(&s, into, batch)
	} else {
		into = append(into, Message{})
		j.decodeMessage(&s, &into[begin])
	}
	if !s.end() {
		clear(into[begin:])
		return append(into[:begin], Message{Err: invalidJSON(&s)}), nil
	}
	return into, batch
}

func (j *jsonIn) decodeBatch(s *scanner, into []Message, batch *Batch) []Message {
	s.pos++
	for at := 0; s.element(at == 0); at++ {
		into = append(grown(into), Message{})
		m := &into[len(into)-1]
		j.decodeMessage(s, m)
		if m.Err != nil && !m.HasID {
			batch.Faults = append(grown(batch.Faults), Fault{At: at, Err: m.Err})
			into = into[:len(into)-1]
		}
	}
	return into
}

// grown returns list with room for one more element, doubled where it was full: append grows long
// lists by a quarter, which leaves four times their length as garbage.
func grown[E any](list []E) []E {
	if len(list) == cap(list) {
		return slices.Grow(list, max(1, len(list)))
	}
	return list
}

// decodeMessage decodes one message into m. After a fault the contents of m are undefined.
func (j *jsonIn) decodeMessage(s *scanner, m *Message) {
	if s.peek() != '{' {
		s.skip()
		m.Err = errNotAnObject
		return
	}
	var e envelope
	e.scan(s)
	if s.fault != "" {
		return
	}
	if m.Err = e.messageID(s, m); m.Err == nil {
		m.Err = j.decodeRecord(s, &e, &m.Record)
	}
	if m.Err != nil {
		m.Record = proxy.Record{}
	}
}

func (j *jsonIn) decodeRecord(s *scanner, e *envelope, r *proxy.Record) (err *proxy.Error) {
	if e.value.kind == kindNone {
		return errNoValue
	}
	if err = j.decodeKeyAndValue(s, e, r); err != nil {
		return err
	}
	if r.Headers, err = decodeHeaders(s, &e.headers); err != nil {
		return err
	}
	if r.Partition, err = e.pinnedPartition(s); err != nil {
		return err
	}
	r.Timestamp, r.HasTimestamp, err = e.pinnedTimestamp(s)
	return err
}

// decodeKeyAndValue puts the bytes of both into one piece of memory.
func (j *jsonIn) decodeKeyAndValue(s *scanner, e *envelope, r *proxy.Record) *proxy.Error {
	keyFormat, err := e.key.resolve(s, "key", j.keyFormat)
	if err != nil {
		return err
	}
	valueFormat, err := e.value.resolve(s, "value", j.valueFormat)
	if err != nil {
		return err
	}
	buffer := j.slab.take(sizeOf(keyFormat, &e.key.value) + sizeOf(valueFormat, &e.value.value))
	if r.Key, err = decodeField(buffer, s, "key", keyFormat, &e.key.value); err != nil {
		return err
	}
	r.Value, err = decodeField(buffer[len(r.Key):], s, "value", valueFormat, &e.value.value)
	return err
}

func (j *jsonIn) Rest() { j.slab.rest() }

func (j *jsonIn) AppendAck(dst []byte, ack proxy.Ack, id string, hasID bool) []byte {
	dst = append(dst, j.ackHead...)
	dst = appendInt(dst, int64(ack.Partition))
	dst = append(dst, `,"offset":`...)
	dst = appendInt(dst, ack.Offset)
	dst = append(dst, `,"timestamp":`...)
	dst = appendInt(dst, ack.Timestamp)
	if hasID {
		dst = append(dst, `,"messageId":`...)
		dst = appendQuoted(dst, id)
	}
	if hasID && j.clientMessageID {
		dst = append(dst, `,"clientMessageId":`...)
		dst = appendQuoted(dst, id)
	}
	return append(dst, '}')
}
