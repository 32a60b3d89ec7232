package outside

import (
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestMisfitsAreDelivered writes records that do not fit keyType and valType, and a tombstone, between
// valid ones: each is delivered, and the stream goes on.
func TestMisfitsAreDelivered(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	k.write(
		&kgo.Record{Topic: topic, Key: []byte{0, 0, 0, 1}, Value: []byte{0, 0, 0, 2}},
		&kgo.Record{Topic: topic, Key: []byte("abc"), Value: []byte{0, 0, 0, 3}},
		&kgo.Record{Topic: topic, Key: []byte{0, 0, 0, 4}},
		&kgo.Record{Topic: topic, Key: []byte{0, 0, 0, 5}, Value: []byte("not an int")},
		&kgo.Record{Topic: topic, Key: []byte{0xff, 0xff, 0xff, 0xff}, Value: []byte{0x80, 0, 0, 0}},
	)
	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/out?clientId=c&keyType=int&valType=int&groupId="+topic+"&topic="+topic))

	undecodable := &fault{Code: "UNDECODABLE"}
	want := []struct{ key, value field }{
		{key: field{Value: 1.0, Format: "int"}, value: field{Value: 2.0, Format: "int"}},
		{key: field{Value: "YWJj", Format: "bytearray", Error: undecodable}, value: field{Value: 3.0, Format: "int"}},
		{key: field{Value: 4.0, Format: "int"}, value: field{Value: nil, Format: "int"}},
		{key: field{Value: 5.0, Format: "int"}, value: field{Value: "bm90IGFuIGludA==", Format: "bytearray", Error: undecodable}},
		{key: field{Value: -1.0, Format: "int"}, value: field{Value: -2147483648.0, Format: "int"}},
	}
	for i, w := range want {
		r := next[record](t, conn)
		if r.Offset != int64(i) || r.Key == nil || r.Value == nil {
			t.Fatalf("record %d: got %+v", i, r)
		}
		if got := withoutText(*r.Key); !reflect.DeepEqual(got, w.key) {
			t.Errorf("record %d: key %+v, want %+v", i, got, w.key)
		}
		if got := withoutText(*r.Value); !reflect.DeepEqual(got, w.value) {
			t.Errorf("record %d: value %+v, want %+v", i, got, w.value)
		}
	}
	k.write(&kgo.Record{Topic: topic, Value: []byte{0, 0, 0, 6}})
	if r := next[record](t, conn); r.Offset != 5 || r.Value.Value != 6.0 || r.Key != nil {
		t.Errorf("after them: %+v", r)
	}
}

// withoutText leaves out an error's message, which must be there.
func withoutText(f field) field {
	if f.Error != nil && f.Error.Message != "" {
		f.Error = &fault{Code: f.Error.Code}
	}
	return f
}

// TestMisfitsAreAnsweredInTheirPlace sends messages that do not fit keyType and valType, and
// a tombstone, between good ones.
func TestMisfitsAreAnsweredInTheirPlace(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	p := serve(t, k.addr)
	conn := dial(t, p.url("/socket/in?clientId=c&keyType=int&valType=int&topic="+topic))
	for _, message := range []string{
		`{"key":{"value":1},"value":{"value":2},"messageId":"good"}`,
		`{"key":{"value":"abc"},"value":{"value":3},"messageId":"key"}`,
		`{"key":{"value":4},"value":null,"messageId":"tombstone"}`,
		`{"key":{"value":5},"value":{"value":2147483648},"messageId":"value"}`,
		`{"key":{"value":6},"value":{"value":7},"messageId":"last"}`,
	} {
		send(t, conn, message)
	}
	for i, want := range []struct {
		id, code string
		offset   int64
	}{
		{id: "good", offset: 0},
		{id: "key", code: "INVALID_VALUE"},
		{id: "tombstone", offset: 1},
		{id: "value", code: "INVALID_VALUE"},
		{id: "last", offset: 2},
	} {
		a := next[answer](t, conn)
		code := ""
		if a.Error != nil {
			code = a.Error.Code
		}
		if a.MessageID != want.id || code != want.code || a.Offset != want.offset {
			t.Errorf("answer %d is %+v, %+v; want %+v", i, a, a.Error, want)
		}
	}
	records := k.log(topic)[0]
	if len(records) != 3 || records[1].Value != nil || string(records[1].Key) != "\x00\x00\x00\x04" {
		t.Errorf("the log holds %+v", records)
	}
}
