package codec

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// avroOut is /socket/out and /socket/tail with Avro frames.
type avroOut struct {
	settings OutSettings
	writer   avroWriter
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
	w := a.writer.begin(dst)
	defer w.release()
	position := proxy.Position{Topic: a.settings.Topic, Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp}
	var room [320]byte // of an id, whose topic has at most 249 characters
	w.bytes(position.Append(room[:0]))
	w.lib.WriteString(a.settings.Topic)
	w.lib.WriteInt(r.Partition)
	w.lib.WriteLong(r.Offset)
	w.lib.WriteLong(r.Timestamp)
	var badKey, badValue bool
	if r.Key == nil {
		w.lib.WriteLong(int64(avroNull))
	} else {
		badKey = w.value(avroNull, a.settings.KeyFormat, r.Key, a.settings.MaxDepth)
	}
	if r.Value == nil {
		w.value(avroBytes, proxy.FormatByteArray, nil, 0)
	} else {
		badValue = w.value(avroBytes, a.settings.ValueFormat, r.Value, a.settings.MaxDepth)
	}
	w.headers(r.Headers, r.Value == nil)
	return w.end(), badKey || badValue
}

// value writes b, which is not null, into the branch of format f of a union whose first branch is
// first. A b that does not fit the format is written as bytes.
func (w *avroWriter) value(first avroBranch, f proxy.Format, b []byte, maxDepth int) (undecodable bool) {
	if undecodable = !fitsFormat(f, b, maxDepth); undecodable {
		f = proxy.FormatByteArray
	}
	w.lib.WriteLong(int64(branchOf(f) - first))
	switch f {
	case proxy.FormatShort:
		w.lib.WriteInt(int32(int16(binary.BigEndian.Uint16(b))))
	case proxy.FormatInt:
		w.lib.WriteInt(int32(binary.BigEndian.Uint32(b)))
	case proxy.FormatLong:
		w.lib.WriteLong(int64(binary.BigEndian.Uint64(b)))
	case proxy.FormatDouble:
		w.lib.WriteDouble(math.Float64frombits(binary.BigEndian.Uint64(b)))
	case proxy.FormatFloat:
		w.lib.WriteFloat(math.Float32frombits(binary.BigEndian.Uint32(b)))
	default:
		w.bytes(b)
	}
	return undecodable
}

// headers writes the union of null and the array of headers. A stored header that equals the mark
// of a tombstone is left out: clients would take the record for a tombstone.
func (w *avroWriter) headers(headers []proxy.Header, tombstone bool) {
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
		w.lib.WriteLong(0)
		return
	}
	w.lib.WriteLong(1)
	w.lib.WriteBlockHeader(int64(count), 0)
	for i := range headers {
		if h := &headers[i]; !isTombstoneMark(h) {
			w.header(h)
		}
	}
	if tombstone {
		w.lib.WriteString(tombstoneKey)
		w.lib.WriteString(tombstoneValue)
	}
	w.lib.WriteBlockHeader(0, 0)
}

func isTombstoneMark(h *proxy.Header) bool {
	return h.Key == tombstoneKey && string(h.Value) == tombstoneValue
}

// header writes a header. A null value is empty, and one that is not UTF-8 is base64 under a
// key that says so.
func (w *avroWriter) header(h *proxy.Header) {
	const mark = ";base64"
	key := h.Key
	if !utf8.ValidString(key) {
		key = string([]rune(key)) // invalid UTF-8 becomes U+FFFD
	}
	if utf8.Valid(h.Value) {
		w.text(key)
		w.bytes(h.Value)
		return
	}
	w.lib.WriteLong(int64(len(key) + len(mark)))
	w.flush()
	w.dst = append(append(w.dst, key...), mark...)
	w.lib.WriteLong(int64(base64.StdEncoding.EncodedLen(len(h.Value))))
	w.flush()
	w.dst = base64.StdEncoding.AppendEncode(w.dst, h.Value)
}

func (a *avroOut) DecodeCommit(frame []byte) (Commit, *proxy.Error) {
	var r avroReader
	r.reset(frame)
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
