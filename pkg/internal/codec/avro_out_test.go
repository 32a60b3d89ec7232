package codec

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAvroAppendRecord(t *testing.T) {
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	mark := func(value string) proxy.Header {
		return proxy.Header{Key: "wsproxy.tombstone", Value: []byte(value)}
	}
	list := func(texts ...string) any { // of alternating keys and values
		var all []any
		for i := 0; i < len(texts); i += 2 {
			all = append(all, map[string]any{"key": texts[i], "value": texts[i+1]})
		}
		return map[string]any{"array": all} // as the library has a branch that is no primitive
	}
	for name, test := range map[string]struct {
		key, value  proxy.Format
		record      proxy.Record
		wantKey     any
		wantValue   any
		wantHeaders any
		undecodable bool
	}{
		"no types":             {0, 0, proxy.Record{Key: []byte("foo"), Value: []byte("bar")}, []byte("foo"), "bar", nil, false},
		"no key":               {proxy.FormatString, 0, proxy.Record{Value: []byte("bar")}, nil, "bar", nil, false},
		"empty key and value":  {0, 0, proxy.Record{Key: []byte{}, Value: []byte{}}, []byte{}, "", nil, false},
		"string":               {proxy.FormatString, proxy.FormatString, proxy.Record{Key: []byte("é"), Value: []byte("😀")}, "é", "😀", nil, false},
		"json":                 {proxy.FormatJSON, proxy.FormatJSON, proxy.Record{Key: []byte("1e2"), Value: []byte(" {\"a\" : [0.10]}\n")}, "1e2", " {\"a\" : [0.10]}\n", nil, false},
		"JSON null":            {0, proxy.FormatJSON, proxy.Record{Value: []byte("null")}, nil, "null", nil, false},
		"bytearray and avro":   {proxy.FormatByteArray, proxy.FormatAvro, proxy.Record{Key: []byte{0xff}, Value: []byte{0}}, []byte{0xff}, []byte{0}, nil, false},
		"int":                  {proxy.FormatInt, proxy.FormatInt, proxy.Record{Key: []byte{0x80, 0, 0, 0}, Value: []byte{0x7f, 0xff, 0xff, 0xff}}, math.MinInt32, math.MaxInt32, nil, false},
		"short":                {proxy.FormatShort, proxy.FormatShort, proxy.Record{Key: []byte{0x80, 0}, Value: []byte{0x7f, 0xff}}, math.MinInt16, math.MaxInt16, nil, false},
		"long":                 {proxy.FormatLong, proxy.FormatLong, proxy.Record{Key: []byte("\x80\x00\x00\x00\x00\x00\x00\x00"), Value: []byte("\x00\x20\x00\x00\x00\x00\x00\x01")}, int64(math.MinInt64), int64(9007199254740993), nil, false},
		"double":               {proxy.FormatDouble, proxy.FormatDouble, proxy.Record{Key: []byte("\xbf\xe0\x00\x00\x00\x00\x00\x00"), Value: []byte("\x7f\xf0\x00\x00\x00\x00\x00\x00")}, -0.5, math.Inf(1), nil, false},
		"float":                {proxy.FormatFloat, proxy.FormatFloat, proxy.Record{Key: []byte("\xbf\x00\x00\x00"), Value: []byte("\xff\x80\x00\x00")}, float32(-0.5), float32(math.Inf(-1)), nil, false},
		"headers of all kinds": {0, 0, proxy.Record{Value: []byte("v"), Headers: []proxy.Header{{Key: "h", Value: []byte("grün")}, {Key: "h"}, {Key: "", Value: []byte{}}, {Key: "b", Value: []byte{0xff, 0}}, {Key: "\xffk\xfe\xfe", Value: []byte("1")}}}, nil, "v", list("h", "grün", "h", "", "", "", "b;base64", "/wA=", "\ufffdk\ufffd\ufffd", "1"), false},

		"tombstone":                       {0, 0, proxy.Record{Key: []byte("k")}, []byte("k"), []byte{}, list("wsproxy.tombstone", "true"), false},
		"tombstone, whatever the type":    {0, proxy.FormatInt, proxy.Record{}, nil, []byte{}, list("wsproxy.tombstone", "true"), false},
		"tombstone with headers":          {0, proxy.FormatJSON, proxy.Record{Headers: []proxy.Header{{Key: "h", Value: []byte("v")}}}, nil, []byte{}, list("h", "v", "wsproxy.tombstone", "true"), false},
		"tombstone with the mark stored":  {0, 0, proxy.Record{Headers: []proxy.Header{mark("true"), mark("false")}}, nil, []byte{}, list("wsproxy.tombstone", "false", "wsproxy.tombstone", "true"), false},
		"a value with the mark stored":    {0, 0, proxy.Record{Value: []byte("v"), Headers: []proxy.Header{mark("true"), {Key: "h", Value: []byte("1")}}}, nil, "v", list("h", "1"), false},
		"a value with only the mark":      {0, 0, proxy.Record{Value: []byte{}, Headers: []proxy.Header{mark("true")}}, nil, "", nil, false},
		"a value with another mark":       {0, 0, proxy.Record{Value: []byte("v"), Headers: []proxy.Header{mark("1")}}, nil, "v", list("wsproxy.tombstone", "1"), false},
		"key not UTF-8":                   {proxy.FormatString, 0, proxy.Record{Key: []byte{0xff}, Value: []byte("v")}, []byte{0xff}, "v", nil, true},
		"value not UTF-8":                 {0, 0, proxy.Record{Key: []byte{0xff}, Value: []byte{0xfe}}, []byte{0xff}, []byte{0xfe}, nil, true},
		"both undecodable":                {proxy.FormatInt, proxy.FormatLong, proxy.Record{Key: []byte("abc"), Value: []byte{}}, []byte("abc"), []byte{}, nil, true},
		"short of three bytes":            {0, proxy.FormatShort, proxy.Record{Value: []byte{1, 2, 3}}, nil, []byte{1, 2, 3}, nil, true},
		"double of four bytes":            {0, proxy.FormatDouble, proxy.Record{Value: []byte{1, 2, 3, 4}}, nil, []byte{1, 2, 3, 4}, nil, true},
		"float of eight bytes":            {0, proxy.FormatFloat, proxy.Record{Value: make([]byte, 8)}, nil, make([]byte, 8), nil, true},
		"no JSON":                         {0, proxy.FormatJSON, proxy.Record{Value: []byte("{")}, nil, []byte("{"), nil, true},
		"empty as JSON":                   {0, proxy.FormatJSON, proxy.Record{Value: []byte{}}, nil, []byte{}, nil, true},
		"JSON nested 513 deep":            {0, proxy.FormatJSON, proxy.Record{Value: []byte(deep)}, nil, []byte(deep), nil, true},
		"undecodable key of a tombstone":  {proxy.FormatInt, proxy.FormatInt, proxy.Record{Key: []byte("k")}, []byte("k"), []byte{}, list("wsproxy.tombstone", "true"), true},
		"more than the library's buffer":  {0, 0, proxy.Record{Value: bytes.Repeat([]byte("x"), 100_000)}, nil, strings.Repeat("x", 100_000), nil, false},
		"headers of more than the buffer": {0, 0, proxy.Record{Value: []byte{}, Headers: []proxy.Header{{Key: strings.Repeat("k", 2000), Value: bytes.Repeat([]byte{0xff}, 3000)}}}, nil, "", list(strings.Repeat("k", 2000)+";base64", strings.Repeat("////", 1000)), false},
	} {
		t.Run(name, func(t *testing.T) {
			out := NewAvroOut(OutSettings{Topic: "foo-bar", KeyFormat: test.key, ValueFormat: test.value})
			test.record.Partition, test.record.Offset, test.record.Timestamp = 3, 1, 1554402266846
			want := map[string]any{
				"wsProxyMessageId": "foo-bar-3-1-1554402266846", "topic": "foo-bar", "partition": 3, "offset": int64(1),
				"timestamp": int64(1554402266846), "key": test.wantKey, "value": test.wantValue, "headers": test.wantHeaders,
			}
			for range 2 { // nothing is left of the first
				frame, undecodable := out.AppendRecord([]byte("x"), &test.record)
				got := avroRead(t, "consumer/record", frame[1:])
				if frame[0] != 'x' || undecodable != test.undecodable || !reflect.DeepEqual(got, want) {
					t.Errorf("got  %.500v, %v\nwant %.500v, %v", got, undecodable, want, test.undecodable)
				}
			}
		})
	}
}

// NaNs come out with the bits that they have in Kafka.
func TestAvroAppendRecordKeepsNaNs(t *testing.T) {
	out := NewAvroOut(OutSettings{Topic: "t", KeyFormat: proxy.FormatFloat, ValueFormat: proxy.FormatDouble})
	key, value := []byte("\x7f\x80\x00\x01"), []byte("\xff\xf8\x00\x00\x00\x00\x00\x05")
	frame, undecodable := out.AppendRecord(nil, &proxy.Record{Key: key, Value: value})
	if undecodable || !bytes.HasSuffix(frame, []byte("\x0c\x01\x00\x80\x7f\x08\x05\x00\x00\x00\x00\x00\xf8\xff\x00")) {
		t.Errorf("got %x, %v", frame, undecodable)
	}
}

func TestAvroAppendRecordNumbers(t *testing.T) {
	topic := strings.Repeat("t", 249)
	out := NewAvroOut(OutSettings{Topic: topic})
	frame, _ := out.AppendRecord(nil, &proxy.Record{Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: math.MinInt64, Value: []byte("v")})
	got := avroRead(t, "consumer/record", frame)
	want := map[string]any{
		"wsProxyMessageId": topic + "-2147483647-9223372036854775807--9223372036854775808", "topic": topic, "partition": math.MaxInt32,
		"offset": int64(math.MaxInt64), "timestamp": int64(math.MinInt64), "key": nil, "value": "v", "headers": nil,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestCodecsServeAReaderBesideAWriter is for the race detector: a connection has one of each.
func TestCodecsServeAReaderBesideAWriter(t *testing.T) {
	frame := map[bool][]byte{true: avroMessage(avroText("k"), avroText("v"), nil, nil), false: []byte(`{"value":{"value":"v"}}`)}
	commit := map[bool][]byte{true: avroTexts("t-0-1-2"), false: []byte(`{"wsProxyMessageId":"t-0-1-2"}`)}
	for _, in := range []In{NewAvroIn(InSettings{Topic: "t"}), NewJSONIn(InSettings{Topic: "t"})} {
		var reading sync.WaitGroup
		reading.Go(func() {
			for range 100 {
				if messages, _ := in.Decode(frame[in.Binary()], nil); messages[0].Err != nil {
					t.Error(messages[0].Err)
				}
				in.Rest()
			}
		})
		for n := range int64(100) {
			in.AppendAck(nil, proxy.Ack{Offset: n}, "m", true)
		}
		reading.Wait()
	}
	for _, out := range []Out{NewAvroOut(OutSettings{Topic: "t"}), NewJSONOut(OutSettings{Topic: "t"})} {
		var reading sync.WaitGroup
		reading.Go(func() {
			for range 100 {
				if _, err := out.DecodeCommit(commit[out.Binary()]); err != nil {
					t.Error(err)
				}
			}
		})
		for n := range int64(100) {
			out.AppendRecord(nil, &proxy.Record{Partition: int32(n % 3), Offset: n, Timestamp: n, Value: []byte("v")})
		}
		reading.Wait()
	}
}

func TestAvroDecodeCommit(t *testing.T) {
	out := NewAvroOut(OutSettings{Topic: "foo-bar"})
	frame := avroTexts("foo-bar-3-42-1554402266846")
	got, err := out.DecodeCommit(frame)
	clear(frame) // the commit must not share memory with it
	want := Commit{"foo-bar-3-42-1554402266846", true, proxy.Position{Topic: "foo-bar", Partition: 3, Offset: 42, Timestamp: 1554402266846}}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAvroDecodeCommitRefuses(t *testing.T) {
	out := NewAvroOut(OutSettings{Topic: "foo"})
	for name, test := range map[string]struct {
		frame []byte
		kind  proxy.Kind
		id    string
	}{
		"nothing":               {nil, proxy.KindInvalidMessage, ""},
		"JSON":                  {[]byte(`{"wsProxyMessageId":"foo-0-1-2"}`), proxy.KindInvalidMessage, ""},
		"more after it":         {append(avroTexts("foo-0-1-2"), 0), proxy.KindInvalidMessage, ""},
		"two":                   {append(avroTexts("foo-0-1-2"), avroTexts("foo-0-1-2")...), proxy.KindInvalidMessage, ""},
		"a length of 2^33":      {append(avroNumber(1<<33), "foo-0-1-2"...), proxy.KindInvalidMessage, ""},
		"a length of -2^63":     {append(avroNumber(math.MinInt64), "foo-0-1-2"...), proxy.KindInvalidMessage, ""},
		"a length of 65 bits":   {append(bytes.Repeat([]byte{0x80}, 9), 2), proxy.KindInvalidMessage, ""},
		"a length without end":  {bytes.Repeat([]byte{0x80}, 1<<20), proxy.KindInvalidMessage, ""},
		"not UTF-8":             {avroTexts("foo\xff-0-1-2"), proxy.KindInvalidMessage, ""},
		"an empty id":           {avroTexts(""), proxy.KindUnknownMessageID, ""},
		"too few parts":         {avroTexts("foo-0-1"), proxy.KindUnknownMessageID, "foo-0-1"},
		"not canonical":         {avroTexts("foo-0-01-2"), proxy.KindUnknownMessageID, "foo-0-01-2"},
		"partition overflow":    {avroTexts("foo-2147483648-1-2"), proxy.KindUnknownMessageID, "foo-2147483648-1-2"},
		"another topic":         {avroTexts("bar-0-1-2"), proxy.KindUnknownMessageID, "bar-0-1-2"},
		"a megabyte of dashes":  {avroTexts(strings.Repeat("-", 1<<20)), proxy.KindUnknownMessageID, strings.Repeat("-", 1<<20)},
		"a record to produce":   {avroMessage(avroNoKey(), avroText("v"), nil, nil), proxy.KindInvalidMessage, ""},
		"an id with line feeds": {avroTexts("foo\n-0-1-2"), proxy.KindUnknownMessageID, "foo\n-0-1-2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := out.DecodeCommit(test.frame)
			if err == nil || err.Kind != test.kind || got.ID != test.id || got.HasID != (test.kind == proxy.KindUnknownMessageID) || got.Position != (proxy.Position{}) {
				t.Fatalf("got %.100q (%t), %v", got.ID, got.HasID, err)
			}
			if len(err.Message) > 200 {
				t.Errorf("a message of %d bytes", len(err.Message))
			}
		})
	}
	whole := avroTexts("foo-0-1-1554402266846")
	for length := range whole {
		if _, err := out.DecodeCommit(whole[:length]); err == nil || err.Kind != proxy.KindInvalidMessage {
			t.Errorf("cut to %d bytes: %v", length, err)
		}
	}
}
