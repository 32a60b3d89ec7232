package codec

import (
	"bytes"
	"encoding/base64"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// FuzzAvroIn states of every frame: the memory it causes is in proportion to its length; it is one
// message, with an error or with a record; the library reads what was accepted in the same way;
// and a record, delivered in the formats of its message, reads back as the same record.
func FuzzAvroIn(f *testing.F) {
	for _, seed := range [][]byte{
		avroMessage(avroText("foo"), avroText("bar"), avroHeaders("h", "v", "", "é"), avroTexts("m1")),
		avroMessage(avroBlob("\xff"), avroInteger(-1), blocks([]string{"h", "v"}, []string{"i", "w"}), nil),
		avroMessage(avroBig(math.MinInt64), avroDoubleOf(1.5), avroHeaders(), avroTexts("")),
		avroMessage(avroFloatOf(1.5), avroText(`{"a":[1e2]}`), nil, nil),
		avroMessage(avroNoKey(), avroBlob(""), avroHeaders("wsproxy.tombstone", "true"), nil),
		append([]byte{0, 2, 2, 'v', 2}, avroNumber(1<<33)...), append([]byte{0, 2, 2, 'v', 2}, avroNumber(math.MinInt64)...),
		{0x80, 0x00, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02},
		{},
		[]byte(`{"value":null}`),
	} {
		f.Add(seed, byte(0), byte(0))
		f.Add(seed, byte(proxy.FormatString), byte(proxy.FormatJSON))
		f.Add(seed, byte(proxy.FormatLong), byte(proxy.FormatShort))
	}
	schema := avroSchema(f, "producer/record")
	f.Fuzz(func(t *testing.T, frame []byte, key, value byte) {
		settings := InSettings{Topic: "t", KeyFormat: formatFrom(key), ValueFormat: formatFrom(value)}
		in := NewAvroIn(settings)
		var messages []Message
		allocated := allocatedBy(func() { messages, _ = in.Decode(frame, nil) })
		if limit := uint64(1<<18 + 100*len(frame)); allocated > limit {
			t.Fatalf("%d bytes allocated for a frame of %d", allocated, len(frame))
		}
		if len(messages) != 1 {
			t.Fatalf("%d messages", len(messages))
		}
		m := messages[0]
		checkMessage(t, &m)
		if m.Err != nil && m.Err.Kind == proxy.KindInvalidMessage {
			if m.HasID {
				t.Fatalf("an id beside %v", m.Err)
			}
			return
		}
		datum := avroReadAs(t, schema, frame)
		if id, has := datum["clientMessageId"].(string); id != m.ID || has != m.HasID {
			t.Fatalf("the id is %q, the library reads %v", m.ID, datum["clientMessageId"])
		}
		if m.Err == nil {
			checkAvroDelivery(t, settings, datum, m.Record)
		}
	})
}

// checkAvroDelivery delivers the record of a message and produces what was delivered.
func checkAvroDelivery(t *testing.T, settings InSettings, datum map[string]any, record proxy.Record) {
	t.Helper()
	if settings.KeyFormat == proxy.FormatNone {
		settings.KeyFormat = formatLike(datum["key"])
	}
	if settings.ValueFormat == proxy.FormatNone {
		settings.ValueFormat = formatLike(datum["value"])
	}
	delivered, undecodable := NewAvroOut(OutSettings{Topic: "t", KeyFormat: settings.KeyFormat, ValueFormat: settings.ValueFormat}).AppendRecord(nil, &record)
	if undecodable {
		t.Fatalf("%+v is delivered as %x", record, delivered)
	}
	again := decodeAvro(t, settings, asProduced(t, delivered))
	if len(record.Headers) == 0 { // no headers are null, or an array without any
		record.Headers, again.Record.Headers = nil, again.Record.Headers[:0:0]
	}
	if len(again.Record.Headers) == 0 {
		again.Record.Headers = nil
	}
	if again.Err != nil || !reflect.DeepEqual(again.Record, record) {
		t.Fatalf("%+v\nis delivered as %x\nwhich reads as %+v (%v)", record, delivered, again.Record, again.Err)
	}
}

// asProduced makes the message that produces a delivered record: the key, the value and the headers
// are the end of the record's frame and the beginning of the message's.
func asProduced(t *testing.T, delivered []byte) []byte {
	t.Helper()
	r := avroReader{data: delivered}
	r.string()
	r.string()
	r.int()
	r.long()
	r.long()
	if r.fault != "" {
		t.Fatalf("%x: %s", delivered, r.fault)
	}
	return append(bytes.Clone(delivered[r.pos:]), 0)
}

// formatLike returns the format of a value that the library has read.
func formatLike(datum any) proxy.Format {
	switch datum.(type) {
	case string:
		return proxy.FormatString
	case int:
		return proxy.FormatInt
	case int64:
		return proxy.FormatLong
	case float64:
		return proxy.FormatDouble
	case float32:
		return proxy.FormatFloat
	}
	return proxy.FormatByteArray
}

// FuzzAvroRecord states that every record is delivered in every format so that the library
// reads it, and that a producer that sends back what was delivered, undecodable or not, writes
// the same bytes, NaNs included.
func FuzzAvroRecord(f *testing.F) {
	for i, seed := range []string{"", "bar", "\xff", "\x00\x00\x00\x01", "\x7f\xf0\x00\x00\x00\x00\x00\x01", "\x7f\x80\x00\x01", ` {"a":[1]} `, "null", "true"} {
		f.Add([]byte(seed), []byte(seed), "h", byte(i), byte(i+1))
		f.Add([]byte("1"), []byte(seed), "wsproxy.tombstone", byte(i), byte(proxy.FormatJSON))
	}
	schema := avroSchema(f, "consumer/record")
	f.Fuzz(func(t *testing.T, key, value []byte, header string, k, v byte) {
		settings := OutSettings{Topic: "t", KeyFormat: formatFrom(k), ValueFormat: formatFrom(v)}
		r := proxy.Record{Partition: 1, Offset: 2, Timestamp: 3, Key: key, Value: value, Headers: []proxy.Header{{Key: header, Value: value}}}
		frame, undecodable := NewAvroOut(settings).AppendRecord(nil, &r)
		datum := avroReadAs(t, schema, frame)
		in := InSettings{KeyFormat: settings.KeyFormat, ValueFormat: settings.ValueFormat}
		_, keyBytes := datum["key"].([]byte)
		_, valueBytes := datum["value"].([]byte)
		if keyBytes {
			in.KeyFormat = proxy.FormatByteArray
		}
		if valueBytes {
			in.ValueFormat = proxy.FormatByteArray
		}
		asked := keyBytes && !isBlob(settings.KeyFormat) && settings.KeyFormat != proxy.FormatNone || valueBytes && value != nil && !isBlob(settings.ValueFormat)
		if undecodable != asked {
			t.Fatalf("undecodable is %v: %v", undecodable, datum)
		}
		got := decodeAvro(t, in, asProduced(t, frame))
		if got.Err != nil || !bytes.Equal(got.Record.Key, key) || !bytes.Equal(got.Record.Value, value) ||
			(got.Record.Key == nil) != (key == nil) || (got.Record.Value == nil) != (value == nil) {
			t.Fatalf("%x reads as %+v (%v), not as %q, %q", frame, got.Record, got.Err, key, value)
		}
		checkAvroHeader(t, header, value, got.Record.Headers)
	})
}

func isBlob(f proxy.Format) bool { return f == proxy.FormatByteArray || f == proxy.FormatAvro }

// checkAvroHeader compares the headers of a record that was delivered and produced again with
// the one header that it had.
func checkAvroHeader(t *testing.T, key string, value []byte, got []proxy.Header) {
	t.Helper()
	if key == "wsproxy.tombstone" && string(value) == "true" {
		if len(got) != 0 {
			t.Fatalf("a mark of tombstones came through: %q", got)
		}
		return
	}
	var valid strings.Builder
	for _, r := range key { // what is not UTF-8 ranges as U+FFFD
		valid.WriteRune(r)
	}
	want := proxy.Header{Key: valid.String(), Value: value}
	if !utf8.Valid(value) {
		want = proxy.Header{Key: valid.String() + ";base64", Value: []byte(base64.StdEncoding.EncodeToString(value))}
	}
	if len(got) != 1 || got[0].Key != want.Key || !bytes.Equal(got[0].Value, want.Value) {
		t.Fatalf("the headers are %q, want %q", got, want)
	}
}

// FuzzAvroCommit states of every frame: the memory it causes is in proportion to its length; a
// commit is accepted exactly if the library reads an id of this topic in its only spelling and
// nothing else; and what is accepted encodes to a frame that reads the same.
func FuzzAvroCommit(f *testing.F) {
	for _, seed := range [][]byte{
		avroTexts("t-0-1-1554402266846"), avroTexts("t-0-1--1"), avroTexts("u-0-1-2"), avroTexts(""),
		{},
		avroTexts("t\xff-0-1-2"),
		append(avroNumber(1<<33), "t-0-1-2"...), append(avroNumber(math.MinInt64), "t-0-1-2"...), append(avroTexts("t-0-1-2"), 0),
		[]byte(`{"wsProxyMessageId":"t-0-1-2"}`), append([]byte{0x8e, 0x00}, "t-0-1-2"...),
	} {
		f.Add(seed)
	}
	schema := avroSchema(f, "consumer/commit")
	out := NewAvroOut(OutSettings{Topic: "t"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		var commit Commit
		var err *proxy.Error
		allocated := allocatedBy(func() { commit, err = out.DecodeCommit(frame) })
		if limit := uint64(1<<18 + 100*len(frame)); allocated > limit {
			t.Fatalf("%d bytes allocated for a frame of %d", allocated, len(frame))
		}
		if err != nil && err.Kind == proxy.KindInvalidMessage {
			if commit != (Commit{}) {
				t.Fatalf("%+v beside %v", commit, err)
			}
			return
		}
		if id := avroReadAs(t, schema, frame)["wsProxyMessageId"]; id != commit.ID {
			t.Fatalf("the id is %q, the library reads %q", commit.ID, id)
		}
		position, invalid := proxy.ParsePosition(commit.ID)
		ours := invalid == nil && position.Topic == "t"
		if (err == nil) != ours || err != nil && err.Kind != proxy.KindUnknownMessageID {
			t.Fatalf("%q: %v", commit.ID, err)
		}
		again, err := out.DecodeCommit(avroTexts(commit.ID))
		if again != commit || (err == nil) != ours {
			t.Fatalf("%+v reads again as %+v, %v", commit, again, err)
		}
	})
}
