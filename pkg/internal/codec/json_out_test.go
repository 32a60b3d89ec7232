package codec

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAppendRecord(t *testing.T) {
	const start = `{"wsProxyMessageId":"foo-bar-0-1-1554402266846","topic":"foo-bar","partition":0,"offset":1,"timestamp":1554402266846,`
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	for name, test := range map[string]struct {
		key, value  proxy.Format
		record      proxy.Record
		want        string
		undecodable bool
	}{
		"the contract's example": {proxy.FormatString, proxy.FormatString, proxy.Record{Key: []byte("foo"), Value: []byte("bar"), Headers: []proxy.Header{{Key: "h", Value: []byte("v")}}}, `"headers":[{"key":"h","value":"v"}],"key":{"value":"foo","format":"string"},"value":{"value":"bar","format":"string"}}`, false},
		"null key":               {proxy.FormatInt, proxy.FormatString, proxy.Record{Value: []byte("bar")}, `"value":{"value":"bar","format":"string"}}`, false},
		"empty key and value":    {proxy.FormatString, proxy.FormatString, proxy.Record{Key: []byte{}, Value: []byte{}}, `"key":{"value":"","format":"string"},"value":{"value":"","format":"string"}}`, false},
		"no formats":             {proxy.FormatNone, proxy.FormatNone, proxy.Record{Key: []byte("foo"), Value: []byte("bar")}, `"key":{"value":"foo","format":"string"},"value":{"value":"bar","format":"string"}}`, false},
		"key of no format":       {proxy.FormatNone, proxy.FormatNone, proxy.Record{Key: []byte{0xff}, Value: []byte("bar")}, `"key":{"value":"/w==","format":"bytearray"},"value":{"value":"bar","format":"string"}}`, false},
		"tombstone":              {proxy.FormatNone, proxy.FormatLong, proxy.Record{Key: []byte("foo")}, `"key":{"value":"foo","format":"string"},"value":{"value":null,"format":"long"}}`, false},
		"tombstone, no format":   {proxy.FormatNone, proxy.FormatNone, proxy.Record{}, `"value":{"value":null,"format":"string"}}`, false},
		"JSON null":              {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte("null")}, `"value":{"value":null,"format":"json"}}`, false},
		"JSON in white space":    {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte("\n [1, 2]\t")}, "\"value\":{\"value\":\n [1, 2]\t,\"format\":\"json\"}}", false},
		"headers of all kinds":   {proxy.FormatNone, proxy.FormatNone, proxy.Record{Headers: []proxy.Header{{Key: "h", Value: []byte("\"")}, {Key: "h"}, {Key: "e", Value: []byte{}}, {Key: "b", Value: []byte{0xff}}, {Key: "\xff"}}}, `"headers":[{"key":"h","value":"\""},{"key":"h","value":null},{"key":"e","value":""},{"key":"b","value":{"value":"/w==","format":"bytearray"}},{"key":"` + "\ufffd" + `","value":null}],"value":{"value":null,"format":"string"}}`, false},
		"value not UTF-8":        {proxy.FormatNone, proxy.FormatString, proxy.Record{Value: []byte("a\xff")}, `"value":{"value":"Yf8=","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format string: it is not UTF-8"}}}`, true},
		"key not UTF-8":          {proxy.FormatString, proxy.FormatString, proxy.Record{Key: []byte{0xff}, Value: []byte("bar")}, `"key":{"value":"/w==","format":"bytearray","error":{"code":"UNDECODABLE","message":"key does not fit format string: it is not UTF-8"}},"value":{"value":"bar","format":"string"}}`, true},
		"both undecodable":       {proxy.FormatInt, proxy.FormatLong, proxy.Record{Key: []byte("abc"), Value: []byte{}}, `"key":{"value":"YWJj","format":"bytearray","error":{"code":"UNDECODABLE","message":"key does not fit format int: its length is not 4 bytes"}},"value":{"value":"","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format long: its length is not 8 bytes"}}}`, true},
		"short of three bytes":   {proxy.FormatNone, proxy.FormatShort, proxy.Record{Value: []byte{1, 2, 3}}, `"value":{"value":"AQID","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format short: its length is not 2 bytes"}}}`, true},
		"double of four bytes":   {proxy.FormatNone, proxy.FormatDouble, proxy.Record{Value: []byte{1, 2, 3, 4}}, `"value":{"value":"AQIDBA==","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format double: its length is not 8 bytes"}}}`, true},
		"float of eight bytes":   {proxy.FormatNone, proxy.FormatFloat, proxy.Record{Value: make([]byte, 8)}, `"value":{"value":"AAAAAAAAAAA=","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format float: its length is not 4 bytes"}}}`, true},
		"empty as JSON":          {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte{}}, `"value":{"value":"","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format json: it is not JSON"}}}`, true},
		"JSON and more":          {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte(`1}`)}, `"value":{"value":"MX0=","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format json: it is not JSON"}}}`, true},
		"JSON not UTF-8":         {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte("\"\xff\"")}, `"value":{"value":"Iv8i","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format json: it is not JSON"}}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			out := NewJSONOut(OutSettings{Topic: "foo-bar", KeyFormat: test.key, ValueFormat: test.value})
			test.record.Offset, test.record.Timestamp = 1, 1554402266846
			frame, undecodable := out.AppendRecord([]byte("x"), &test.record)
			if got := string(frame); got != "x"+start+test.want || undecodable != test.undecodable {
				t.Errorf("got  %s, %v\nwant x%s, %v", got, undecodable, start+test.want, test.undecodable)
			}
			if !isJSON(frame[1:]) {
				t.Error("the frame is not JSON")
			}
		})
	}
	t.Run("JSON too deep", func(t *testing.T) {
		out := NewJSONOut(OutSettings{Topic: "foo", ValueFormat: proxy.FormatJSON})
		frame, undecodable := out.AppendRecord(nil, &proxy.Record{Value: []byte(deep)})
		if !undecodable || !strings.Contains(string(frame), "nested too deep") {
			t.Errorf("got %.200s, %v", frame, undecodable)
		}
	})
}

func TestAppendRecordNumbers(t *testing.T) {
	out := NewJSONOut(OutSettings{Topic: `a"b`})
	frame, _ := out.AppendRecord(nil, &proxy.Record{Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: -1})
	want := `{"wsProxyMessageId":"a\"b-2147483647-9223372036854775807--1","topic":"a\"b","partition":2147483647,"offset":9223372036854775807,"timestamp":-1,"value":{"value":null,"format":"string"}}`
	if string(frame) != want {
		t.Errorf("got  %s\nwant %s", frame, want)
	}
}

// TestLongsAsText covers keys and values of format long, and nothing else that is a number.
func TestLongsAsText(t *testing.T) {
	const start = `{"wsProxyMessageId":"foo-0-9007199254740993-1","topic":"foo","partition":0,"offset":9007199254740993,"timestamp":1,`
	most, least := []byte("\x7f\xff\xff\xff\xff\xff\xff\xff"), []byte("\x80\x00\x00\x00\x00\x00\x00\x00")
	for name, test := range map[string]struct {
		key, value  proxy.Format
		record      proxy.Record
		want        string
		undecodable bool
	}{
		"key and value": {proxy.FormatLong, proxy.FormatLong, proxy.Record{Key: least, Value: most}, `"key":{"value":"-9223372036854775808","format":"long"},"value":{"value":"9223372036854775807","format":"long"}}`, false},
		"zero":          {proxy.FormatNone, proxy.FormatLong, proxy.Record{Value: make([]byte, 8)}, `"value":{"value":"0","format":"long"}}`, false},
		"tombstone":     {proxy.FormatNone, proxy.FormatLong, proxy.Record{}, `"value":{"value":null,"format":"long"}}`, false},
		"no long":       {proxy.FormatNone, proxy.FormatLong, proxy.Record{Value: []byte("1234")}, `"value":{"value":"MTIzNA==","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format long: its length is not 8 bytes"}}}`, true},
		"int":           {proxy.FormatInt, proxy.FormatShort, proxy.Record{Key: []byte{0, 0, 0, 1}, Value: []byte{0, 2}}, `"key":{"value":1,"format":"int"},"value":{"value":2,"format":"short"}}`, false},
		"double":        {proxy.FormatNone, proxy.FormatDouble, proxy.Record{Value: make([]byte, 8)}, `"value":{"value":0,"format":"double"}}`, false},
		"JSON":          {proxy.FormatNone, proxy.FormatJSON, proxy.Record{Value: []byte("9007199254740993")}, `"value":{"value":9007199254740993,"format":"json"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			out := NewJSONOut(OutSettings{Topic: "foo", KeyFormat: test.key, ValueFormat: test.value, LongsAsText: true})
			test.record.Offset, test.record.Timestamp = 9007199254740993, 1
			if frame, undecodable := out.AppendRecord(nil, &test.record); string(frame) != start+test.want || undecodable != test.undecodable {
				t.Errorf("got  %s, %t\nwant %s", frame, undecodable, start+test.want)
			}
		})
	}
}

// appendPosition writes parts of what it has written: growth in between must not harm.
func TestAppendRecordGrowsAnyBuffer(t *testing.T) {
	out := NewJSONOut(OutSettings{Topic: "foo", ValueFormat: proxy.FormatJSON})
	r := &proxy.Record{Partition: 12, Offset: 345, Timestamp: 678, Key: []byte("k\n"), Value: []byte(`{"a":1}`)}
	want, _ := out.AppendRecord(nil, r)
	for room := range len(want) + 1 {
		if got, _ := out.AppendRecord(make([]byte, 0, room), r); !bytes.Equal(got, want) {
			t.Fatalf("with room for %d: got %s, want %s", room, got, want)
		}
	}
}
