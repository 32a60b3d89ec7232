package codec

import (
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// avroOut is /socket/out and /socket/tail with Avro frames.
type avroOut struct {
	settings OutSettings

	// What the last record's position was written with: the next one has the same partition, and often
	// the same timestamp.
	partition int32
	id        []byte // the id up to the offset, nil before the first record
	topic     []byte // the topic and the partition
	timestamp digits
}

// NewAvroOut returns the codec of /socket/out for Avro: AvroConsumerRecord out,
// AvroCommit in. Where settings name no format for keys, these go out as bytes.
func NewAvroOut(settings OutSettings) Out {
	if settings.KeyFormat == proxy.FormatNone {
		settings.KeyFormat = proxy.FormatByteArray
	}
	settings.ValueFormat = orString(settings.ValueFormat)
	settings.MaxDepth = orDefaultDepth(settings.MaxDepth)
	return &avroOut{settings: settings}
}

func (a *avroOut) Binary() bool { return true }

func (a *avroOut) AppendRecord(dst []byte, r *proxy.Record) (frame []byte, undecodable bool) {
	dst = a.appendPosition(dst, r)
	var badKey, badValue bool
	if r.Key == nil {
		dst = appendAvroLong(dst, int64(avroNull))
	} else {
		dst, badKey = appendAvroValue(dst, avroNull, a.settings.KeyFormat, r.Key, a.settings.MaxDepth)
	}
	if r.Value == nil {
		dst, _ = appendAvroValue(dst, avroBytes, proxy.FormatByteArray, nil, 0)
	} else {
		dst, badValue = appendAvroValue(dst, avroBytes, a.settings.ValueFormat, r.Value, a.settings.MaxDepth)
	}
	return appendAvroHeaders(dst, r.Headers, r.Value == nil), badKey || badValue
}

func (a *avroOut) appendPosition(dst []byte, r *proxy.Record) []byte {
	if r.Partition != a.partition || a.id == nil {
		a.beginPartition(r.Partition)
	}
	var room [maxIntText]byte
	offset, timestamp := appendInt(room[:0], r.Offset), a.timestamp.of(r.Timestamp)
	dst = appendAvroLong(dst, int64(len(a.id)+len(offset)+len("-")+len(timestamp)))
	dst = append(dst, a.id...)
	dst = append(dst, offset...)
	dst = append(dst, '-')
	dst = append(dst, timestamp...)
	dst = append(dst, a.topic...)
	dst = appendAvroLong(dst, r.Offset)
	return appendAvroLong(dst, r.Timestamp)
}

// beginPartition prepares what the positions of a partition have in common.
func (a *avroOut) beginPartition(partition int32) {
	a.partition = partition
	a.id = append(append(a.id[:0], a.settings.Topic...), '-')
	a.id = append(appendInt(a.id, int64(partition)), '-')
	a.topic = appendAvroLong(appendAvroBytes(a.topic[:0], a.settings.Topic), int64(partition))
}

// appendAvroValue appends b, which is not null, in the branch of format f of a union whose first branch is
// first. A b that does not fit the format is appended as bytes.
func appendAvroValue(dst []byte, first avroBranch, f proxy.Format, b []byte, maxDepth int) (extended []byte, undecodable bool) {
	if undecodable = !fitsFormat(f, b, maxDepth); undecodable {
		f = proxy.FormatByteArray
	}
	dst = appendAvroLong(dst, int64(branchOf(f)-first))
	switch f {
	case proxy.FormatShort:
		dst = appendAvroLong(dst, int64(int16(binary.BigEndian.Uint16(b))))
	case proxy.FormatInt:
		dst = appendAvroLong(dst, int64(int32(binary.BigEndian.Uint32(b))))
	case proxy.FormatLong:
		dst = appendAvroLong(dst, int64(binary.BigEndian.Uint64(b)))
	case proxy.FormatDouble:
		dst = binary.LittleEndian.AppendUint64(dst, binary.BigEndian.Uint64(b))
	case proxy.FormatFloat:
		dst = binary.LittleEndian.AppendUint32(dst, binary.BigEndian.Uint32(b))
	default:
		dst = appendAvroBytes(dst, b)
	}
	return dst, undecodable
}

// appendAvroHeaders appends the union of null and the array of headers. A stored header that equals the mark
// of a tombstone is left out: clients would take the record for a tombstone.
func appendAvroHeaders(dst []byte, headers []proxy.Header, tombstone bool) []byte {
	count := 0
	if tombstone {
		count++
	}
	for i := range headers {
		if !isTombstoneMark(&headers[i]) {
			count++
		}
	}
	if count == 0 {
		return appendAvroLong(dst, 0)
	}
	dst = appendAvroLong(dst, 1)
	dst = appendAvroLong(dst, int64(count))
	for i := range headers {
		if h := &headers[i]; !isTombstoneMark(h) {
			dst = appendAvroHeader(dst, h)
		}
	}
	if tombstone {
		dst = appendAvroBytes(dst, tombstoneKey)
		dst = appendAvroBytes(dst, tombstoneValue)
	}
	return appendAvroLong(dst, 0)
}

func isTombstoneMark(h *proxy.Header) bool {
	return h.Key == tombstoneKey && string(h.Value) == tombstoneValue
}

// base64Mark ends the key of a header whose value is base64.
const base64Mark = ";base64"

// appendAvroHeader appends a header. A null value is empty, and one that is not UTF-8 is base64 under a
// key that says so.
func appendAvroHeader(dst []byte, h *proxy.Header) []byte {
	key := h.Key
	if !utf8.ValidString(key) {
		key = string([]rune(key)) // invalid UTF-8 becomes U+FFFD
	}
	if utf8.Valid(h.Value) {
		return appendAvroBytes(appendAvroBytes(dst, key), h.Value)
	}
	dst = appendAvroLong(dst, int64(len(key)+len(base64Mark)))
	dst = append(append(dst, key...), base64Mark...)
	dst = appendAvroLong(dst, int64(base64.StdEncoding.EncodedLen(len(h.Value))))
	return base64.StdEncoding.AppendEncode(dst, h.Value)
}

func (a *avroOut) DecodeCommit(frame []byte) (Commit, *proxy.Error) {
	r := avroReader{data: frame}
	text := r.string()
	if !r.end() {
		return Commit{}, r.err("AvroCommit")
	}
	commit := Commit{ID: string(text), HasID: true}
	position, err := proxy.ParsePosition(commit.ID)
	if err != nil || position.Topic != a.settings.Topic {
		return commit, proxy.Errorf(proxy.KindUnknownMessageID, "%s %q is not one of a record delivered here",
			MessageIDName, excerpt(text))
	}
	commit.Position = position
	return commit, nil
}
