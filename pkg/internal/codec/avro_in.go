package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// The header that marks a tombstone: values of the Avro schemas have no null.
const (
	tombstoneKey   = "wsproxy.tombstone"
	tombstoneValue = "true"
)

// avroIn is /socket/in with Avro frames.
type avroIn struct {
	settings InSettings
	slab     slab
}

// NewAvroIn returns the codec of /socket/in for Avro: AvroProducerRecord in,
// AvroProducerResult out. Where settings name no format, the branch of a key or value decides.
func NewAvroIn(settings InSettings) In {
	settings.MaxDepth = orDefaultDepth(settings.MaxDepth)
	return &avroIn{settings: settings}
}

func (a *avroIn) Binary() bool { return true }

func (a *avroIn) Decode(frame []byte, into []Message) (messages []Message, batch *Batch) {
	into = append(into, Message{})
	a.decodeMessage(frame, &into[len(into)-1])
	return into, nil
}

// decodeMessage decodes the message into m. Key and value are slices of one copy of the frame,
// with room behind it for the bytes of two numbers.
func (a *avroIn) decodeMessage(frame []byte, m *Message) {
	owned := a.slab.take(len(frame) + 2*maxNumber)
	owned = owned[:copy(owned, frame)]
	r := avroReader{data: owned}
	var key, value avroValue
	r.readValue(&key, avroNull)
	r.readValue(&value, avroBytes)
	headers, tombstone := r.headers()
	id, hasID := r.messageID()
	if !r.end() {
		m.Err = r.err("AvroProducerRecord")
		return
	}
	m.ID, m.HasID = string(id), hasID
	record := proxy.Record{Partition: proxy.AnyPartition, Headers: headers}
	if key.branch != avroNull {
		record.Key, m.Err = a.encode(&owned, "key", &key, a.settings.KeyFormat)
	}
	if !tombstone && m.Err == nil {
		record.Value, m.Err = a.encode(&owned, "value", &value, a.settings.ValueFormat)
	}
	if m.Err == nil {
		m.Record = record
	}
}

func (a *avroIn) encode(scratch *[]byte, member string, v *avroValue, f proxy.Format) ([]byte, *proxy.Error) {
	encoded, complaint := v.encode(scratch, f, a.settings.MaxDepth)
	if complaint != "" {
		return nil, proxy.Errorf(proxy.KindInvalidValue, "%s does not fit format %s: %s", member, f, complaint)
	}
	return encoded, nil
}

// headers reads the union of null and the array of headers. The header that makes the message
// a tombstone is left out.
func (r *avroReader) headers() (headers []proxy.Header, tombstone bool) {
	const leastBytes = 2 // the lengths of two empty strings
	if r.branch(2) == 0 {
		return nil, false
	}
	for {
		count, end := r.block(leastBytes)
		if count == 0 {
			return headers, tombstone
		}
		if headers == nil {
			headers = make([]proxy.Header, 0, count)
		}
		for range count {
			key, value := r.string(), r.string()
			switch {
			case r.fault != "":
				return nil, false
			case string(key) == tombstoneKey && string(value) == tombstoneValue:
				tombstone = true
			default:
				headers = append(headers, proxy.Header{Key: string(key), Value: value})
			}
		}
		r.blockEnd(end)
	}
}

func (r *avroReader) messageID() (id []byte, given bool) {
	if r.branch(2) == 0 {
		return nil, false
	}
	return r.string(), true
}

func (a *avroIn) Rest() { a.slab.rest() }

func (a *avroIn) AppendAck(dst []byte, ack proxy.Ack, id string, hasID bool) []byte {
	dst = appendAvroBytes(dst, a.settings.Topic)
	dst = appendAvroLong(dst, int64(ack.Partition))
	dst = appendAvroLong(dst, ack.Offset)
	dst = appendAvroLong(dst, ack.Timestamp)
	if !hasID {
		return appendAvroLong(dst, 0)
	}
	return appendAvroBytes(appendAvroLong(dst, 1), id)
}
