package codec

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// decodeOne decodes a frame that must be one message.
func decodeOne(t *testing.T, settings InSettings, frame string) Message {
	t.Helper()
	messages, batch := NewJSONIn(settings).Decode([]byte(frame), nil)
	if batch != nil || len(messages) != 1 {
		t.Fatalf("%d messages, batch %v, want 1, nil", len(messages), batch)
	}
	return messages[0]
}

func TestDecodeMessage(t *testing.T) {
	record := func(key, value []byte) proxy.Record {
		return proxy.Record{Partition: proxy.AnyPartition, Key: key, Value: value}
	}
	pinned := record([]byte("foo"), []byte("bar"))
	pinned.Partition, pinned.Timestamp, pinned.HasTimestamp = 2, 1554896731782, true
	pinned.Headers = []proxy.Header{{Key: "h", Value: []byte("v")}}
	latest := record(nil, []byte("bar"))
	latest.Partition, latest.Timestamp, latest.HasTimestamp = math.MaxInt32, math.MaxInt64, true
	first := record(nil, []byte("bar"))
	first.Partition, first.HasTimestamp = 0, true
	headers := record(nil, nil)
	headers.Headers = []proxy.Header{
		{Key: "h", Value: []byte("1")},
		{Key: "h"},
		{Key: "", Value: []byte{}},
		{Key: "é", Value: []byte("\n")},
		{Key: "b", Value: []byte{0xff, 0}},
		{Key: "e", Value: []byte{}},
		{Key: "n"},
	}
	for name, test := range map[string]struct {
		frame string
		want  Message
	}{
		"everything": {
			`{"headers":[{"key":"h","value":"v"}],"key":{"value":"foo","format":"string"},"value":{"value":"bar","format":"string"},"messageId":"m1","partition":2,"timestamp":1554896731782}`,
			Message{Record: pinned, ID: "m1", HasID: true},
		},
		"largest numbers":          {`{"value":{"value":"bar"},"partition":2147483647,"timestamp":9223372036854775807}`, Message{Record: latest}},
		"zeroes":                   {`{"value":{"value":"bar"},"partition":-0,"timestamp":0}`, Message{Record: first}},
		"integers spelled oddly":   {`{"value":{"value":"bar"},"partition":0.0e5,"timestamp":0.0}`, Message{Record: first}},
		"value only":               {`{"value":{"value":"bar"}}`, Message{Record: record(nil, []byte("bar"))}},
		"white space":              {" \r\n\t{ \"value\" : { \"value\" : \"bar\" } } ", Message{Record: record(nil, []byte("bar"))}},
		"unknown members":          {`{"x":{"value":1},"value":{"y":[],"value":"bar","z":null},"valu":1,"Value":2}`, Message{Record: record(nil, []byte("bar"))}},
		"escaped names":            {`{"v\u0061lue":{"\u0076alue":"YmFy","\u0066ormat":"byte\u0061rray"}}`, Message{Record: record(nil, []byte("bar"))}},
		"null value":               {`{"value":null}`, Message{Record: record(nil, nil)}},
		"null in value":            {`{"value":{"value":null}}`, Message{Record: record(nil, nil)}},
		"null in value and format": {`{"value":{"value":null,"format":"int"}}`, Message{Record: record(nil, nil)}},
		"null JSON":                {`{"value":{"value":null,"format":"json"}}`, Message{Record: record(nil, nil)}},
		"null key":                 {`{"key":null,"value":null}`, Message{Record: record(nil, nil)}},
		"null in key":              {`{"key":{"value":null},"value":{"value":"bar"}}`, Message{Record: record(nil, []byte("bar"))}},
		"empty key and value":      {`{"key":{"value":""},"value":{"value":""}}`, Message{Record: record([]byte{}, []byte{})}},
		"empty key":                {`{"key":{"value":""},"value":{"value":"bar"}}`, Message{Record: record([]byte{}, []byte("bar"))}},
		"empty value":              {`{"key":{"value":"foo"},"value":{"value":""}}`, Message{Record: record([]byte("foo"), []byte{})}},
		"key and tombstone":        {`{"key":{"value":"foo"},"value":null}`, Message{Record: record([]byte("foo"), nil)}},
		"nulls for what may lack":  {`{"headers":null,"messageId":null,"partition":null,"timestamp":null,"value":{"format":null,"value":"bar"}}`, Message{Record: record(nil, []byte("bar"))}},
		"no headers":               {`{"headers":[],"value":{"value":"bar"}}`, Message{Record: record(nil, []byte("bar"))}},
		"empty messageId":          {`{"value":null,"messageId":""}`, Message{Record: record(nil, nil), HasID: true}},
		"escaped messageId":        {`{"value":null,"messageId":"a\"\u00e9\ud83d\ude00"}`, Message{Record: record(nil, nil), ID: `a"é😀`, HasID: true}},
		"last of a member twice":   {`{"value":5,"messageId":1,"value":{"value":1,"format":"int","value":"bar","format":"string"},"messageId":"m"}`, Message{Record: record(nil, []byte("bar")), ID: "m", HasID: true}},
		"last null of two":         {`{"key":{"value":"foo"},"value":{"value":"bar"},"key":null}`, Message{Record: record(nil, []byte("bar"))}},
		"last object of two":       {`{"value":{"value":1,"format":"int"},"value":{"value":"bar"}}`, Message{Record: record(nil, []byte("bar"))}},
		"headers": {
			`{"headers":[{"key":"h","value":"1"},{"value":null,"key":"h"},{"key":"","value":""},{"key":"\u00e9","value":"\n","x":1},{"key":"b","value":{"value":"/wA=","format":"Byte_Array"}},{"key":"e","value":{"value":"","format":"bytearray"}},{"key":"n","value":{"value":null,"format":"bytearray"}}],"value":null}`,
			Message{Record: headers},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decodeOne(t, InSettings{Topic: "t"}, test.frame); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v (%v)\nwant %+v", got, got.Err, test.want)
			}
		})
	}
}

func TestDecodeDefaultFormats(t *testing.T) {
	settings := InSettings{KeyFormat: proxy.FormatShort, ValueFormat: proxy.FormatJSON}
	m := decodeOne(t, settings, `{"key":{"value":258},"value":{"value":{ "a":01e0 }}}`)
	if m.Err == nil || m.Err.Kind != proxy.KindInvalidJSON {
		t.Errorf("leading zero: %v", m.Err)
	}
	m = decodeOne(t, settings, `{"key":{"value":258},"value":{"value":{ "a":1e0 }}}`)
	if m.Err != nil || string(m.Record.Key) != "\x01\x02" || string(m.Record.Value) != `{ "a":1e0 }` {
		t.Errorf("got %+v", m)
	}
	m = decodeOne(t, settings, `{"key":{"value":"x","format":"STRING"},"value":{"value":"AQ==","format":"Avro"}}`)
	if m.Err != nil || string(m.Record.Key) != "x" || string(m.Record.Value) != "\x01" {
		t.Errorf("got %+v", m)
	}
}

func TestDecodeRefusesMessage(t *testing.T) {
	deep := strings.Repeat("[", 513) + strings.Repeat("]", 513)
	for name, test := range map[string]struct {
		frame   string
		kind    proxy.Kind
		message string // part of it
	}{
		"nothing":                     {"", proxy.KindInvalidJSON, "empty"},
		"white space":                 {" ", proxy.KindInvalidJSON, "byte 1"},
		"byte order mark":             {"\ufeff" + `{"value":null}`, proxy.KindInvalidJSON, "byte 0"},
		"text":                        {"hello", proxy.KindInvalidJSON, "byte 0"},
		"cut":                         {`{"value":{"value":"x"}`, proxy.KindInvalidJSON, "byte 22"},
		"more after it":               {`{"value":null}{"value":null}`, proxy.KindInvalidJSON, "byte 14"},
		"trailing comma":              {`{"value":null,}`, proxy.KindInvalidJSON, "byte 14"},
		"bad UTF-8":                   {"{\"value\":{\"value\":\"\xff\"}}", proxy.KindInvalidJSON, "UTF-8"},
		"bad UTF-8 in unknown":        {"{\"value\":null,\"x\":\"\xff\"}", proxy.KindInvalidJSON, "UTF-8"},
		"raw control character":       {"{\"value\":{\"value\":\"a\nb\"}}", proxy.KindInvalidJSON, "control character"},
		"syntax beats shape":          {`{"value":5,"x":01}`, proxy.KindInvalidJSON, "number"},
		"bad syntax in header":        {`{"value":null,"headers":[{"key":"a","value":"b"},]}`, proxy.KindInvalidJSON, "byte 49"},
		"open brackets":               {strings.Repeat("[", 1<<20), proxy.KindInvalidJSON, "ends"},
		"number":                      {"5", proxy.KindInvalidMessage, "object"},
		"null":                        {"null", proxy.KindInvalidMessage, "object"},
		"string":                      {`"x"`, proxy.KindInvalidMessage, "object"},
		"no value":                    {`{}`, proxy.KindInvalidMessage, "value is missing"},
		"no value, bad key":           {`{"key":5}`, proxy.KindInvalidMessage, "value is missing"},
		"scalar value":                {`{"value":5}`, proxy.KindInvalidMessage, "value must be"},
		"string value":                {`{"value":"x"}`, proxy.KindInvalidMessage, "value must be"},
		"array value":                 {`{"value":[]}`, proxy.KindInvalidMessage, "value must be"},
		"bool key":                    {`{"key":true,"value":null}`, proxy.KindInvalidMessage, "key must be"},
		"empty value object":          {`{"value":{}}`, proxy.KindInvalidMessage, "value.value is missing"},
		"key without value":           {`{"key":{"format":"string"},"value":null}`, proxy.KindInvalidMessage, "key.value is missing"},
		"unknown format":              {`{"value":{"value":1,"format":"integer"}}`, proxy.KindInvalidMessage, `value.format is "integer": it must be one of json, avro`},
		"unknown format, null":        {`{"value":{"value":null,"format":"nope"}}`, proxy.KindInvalidMessage, "value.format"},
		"unknown format, null key":    {`{"key":{"value":null,"format":"nope"},"value":null}`, proxy.KindInvalidMessage, "key.format"},
		"empty format":                {`{"value":{"value":"x","format":""}}`, proxy.KindInvalidMessage, "value.format"},
		"number as format":            {`{"value":{"value":"x","format":1}}`, proxy.KindInvalidMessage, "value.format is 1"},
		"number as messageId":         {`{"value":null,"messageId":7}`, proxy.KindInvalidMessage, "messageId is 7: it must be a string"},
		"half a pair as messageId":    {`{"value":null,"messageId":"\ud800"}`, proxy.KindInvalidValue, "messageId"},
		"string as partition":         {`{"value":null,"partition":"1"}`, proxy.KindInvalidMessage, "partition"},
		"negative partition":          {`{"value":null,"partition":-1}`, proxy.KindInvalidPartition, "partition is -1"},
		"partition beyond int32":      {`{"value":null,"partition":2147483648}`, proxy.KindInvalidPartition, "partition"},
		"partition beyond int64":      {`{"value":null,"partition":1e99}`, proxy.KindInvalidPartition, "partition"},
		"half a partition":            {`{"value":null,"partition":0.5}`, proxy.KindInvalidPartition, "partition"},
		"string as timestamp":         {`{"value":null,"timestamp":"1"}`, proxy.KindInvalidMessage, "timestamp"},
		"negative timestamp":          {`{"value":null,"timestamp":-1}`, proxy.KindInvalidValue, "timestamp is -1"},
		"timestamp beyond int64":      {`{"value":null,"timestamp":9223372036854775808}`, proxy.KindInvalidValue, "timestamp"},
		"half a timestamp":            {`{"value":null,"timestamp":1.5}`, proxy.KindInvalidValue, "timestamp"},
		"object as headers":           {`{"value":null,"headers":{"h":"v"}}`, proxy.KindInvalidMessage, "headers is"},
		"string as header":            {`{"value":null,"headers":["h"]}`, proxy.KindInvalidMessage, "headers[0] is"},
		"header without key":          {`{"value":null,"headers":[{"value":"v"}]}`, proxy.KindInvalidMessage, "headers[0].key is missing"},
		"null as header key":          {`{"value":null,"headers":[{"key":null,"value":"v"}]}`, proxy.KindInvalidMessage, "headers[0].key is null"},
		"header without value":        {`{"value":null,"headers":[{"key":"a","value":null},{"key":"h"}]}`, proxy.KindInvalidMessage, "headers[1].value is missing"},
		"number as header value":      {`{"value":null,"headers":[{"key":"h","value":1}]}`, proxy.KindInvalidMessage, "headers[0].value is 1"},
		"header object, no format":    {`{"value":null,"headers":[{"key":"h","value":{"value":"AQ=="}}]}`, proxy.KindInvalidMessage, "headers[0].value is"},
		"header object, no value":     {`{"value":null,"headers":[{"key":"h","value":{"format":"bytearray"}}]}`, proxy.KindInvalidMessage, "headers[0].value.value is missing"},
		"header of another format":    {`{"value":null,"headers":[{"key":"h","value":{"value":"AQ==","format":"avro"}}]}`, proxy.KindInvalidMessage, "bytearray"},
		"header of unknown format":    {`{"value":null,"headers":[{"key":"h","value":{"value":"AQ==","format":"x"}}]}`, proxy.KindInvalidMessage, "headers[0].value.format"},
		"header with bad base64":      {`{"value":null,"headers":[{"key":"h","value":{"value":"A","format":"bytearray"}}]}`, proxy.KindInvalidValue, "headers[0].value.value"},
		"half a pair as header":       {`{"value":null,"headers":[{"key":"h","value":"\udc00"}]}`, proxy.KindInvalidValue, "headers[0].value"},
		"half a pair as header key":   {`{"value":null,"headers":[{"key":"\udc00","value":"v"}]}`, proxy.KindInvalidValue, "headers[0].key"},
		"json too deep":               {`{"value":{"value":` + deep + `,"format":"json"}}`, proxy.KindInvalidValue, "nested deeper than 512"},
		"json too deep, format ahead": {`{"value":{"format":"json","value":` + deep + `}}`, proxy.KindInvalidValue, "nested deeper than 512"},
		"json key too deep":           {`{"key":{"value":` + deep + `,"format":"json"},"value":null}`, proxy.KindInvalidValue, "key.value"},
		"too deep for a string":       {`{"value":{"value":` + deep + `}}`, proxy.KindInvalidValue, "is not a string"},
	} {
		t.Run(name, func(t *testing.T) {
			m := decodeOne(t, InSettings{}, test.frame)
			if m.Err == nil || m.Err.Kind != test.kind || !strings.Contains(m.Err.Message, test.message) {
				t.Fatalf("got %v, want %v with %q", m.Err, test.kind, test.message)
			}
			if !reflect.DeepEqual(m.Record, proxy.Record{}) {
				t.Errorf("the record is %+v beside an error", m.Record)
			}
		})
	}
}

func TestDecodeKeepsIDBesideError(t *testing.T) {
	for name, frame := range map[string]string{
		"bad value":     `{"value":5,"messageId":"m1"}`,
		"no value":      `{"messageId":"m1"}`,
		"bad partition": `{"messageId":"m1","value":null,"partition":-1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if m := decodeOne(t, InSettings{}, frame); m.Err == nil || m.ID != "m1" || !m.HasID {
				t.Errorf("got %+v", m)
			}
		})
	}
	if m := decodeOne(t, InSettings{}, `{"messageId":"m1","value":null,}`); m.HasID {
		t.Errorf("what is not JSON has an id: %+v", m)
	}
}

func TestDecodeUnknownMemberMayBeDeep(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	if m := decodeOne(t, InSettings{}, `{"x":`+deep+`,"value":null}`); m.Err != nil {
		t.Error(m.Err)
	}
}

func TestDecodeErrorsTruncateClientText(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	for name, frame := range map[string]string{
		"value":     `{"value":{"value":"` + long + `","format":"int"}}`,
		"format":    `{"value":{"value":"","format":"` + long + `"}}`,
		"messageId": `{"value":null,"messageId":["` + long + `"]}`,
		"header":    `{"value":null,"headers":["` + long + `"]}`,
		"partition": `{"value":null,"partition":1` + strings.Repeat("0", 100_000) + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			m := decodeOne(t, InSettings{}, frame)
			if m.Err == nil || len(m.Err.Message) > 250 || !utf8.ValidString(m.Err.Message) || !strings.Contains(m.Err.Message, "…") {
				t.Errorf("got %.300v", m.Err)
			}
		})
	}
}

func TestDecodeBatch(t *testing.T) {
	in := NewJSONIn(InSettings{})
	kinds := func(messages []Message) (got []string) {
		for _, m := range messages {
			switch {
			case m.Err != nil:
				got = append(got, m.Err.Kind.String()+" "+m.ID)
			default:
				got = append(got, string(m.Record.Value)+" "+m.ID)
			}
		}
		return got
	}
	for name, test := range map[string]struct {
		frame string
		want  []string
		batch bool
	}{
		"empty":             {" [ ] ", nil, true},
		"one":               {`[{"value":{"value":"a"}}]`, []string{"a "}, true},
		"bad ones in place": {`[{"value":{"value":"a"}}, 5, {"value":5,"messageId":"m2"}, [], [{"value":null}], {"value":{"value":"b"},"messageId":"m3"}, null]`, []string{"a ", "INVALID_MESSAGE ", "INVALID_MESSAGE m2", "INVALID_MESSAGE ", "INVALID_MESSAGE ", "b m3", "INVALID_MESSAGE "}, true},
		"not JSON":          {`[{"value":{"value":"a"},"messageId":"m1"},{]`, []string{"INVALID_JSON "}, false},
		"trailing comma":    {`[{"value":null},]`, []string{"INVALID_JSON "}, false},
		"cut":               {`[{"value":null}`, []string{"INVALID_JSON "}, false},
		"more after it":     {`[{"value":null}]]`, []string{"INVALID_JSON "}, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := Message{ID: "before"}
			messages, batch := in.Decode([]byte(test.frame), []Message{before})
			if !reflect.DeepEqual(messages[0], before) {
				t.Fatalf("what was there became %+v", messages[0])
			}
			if got := kinds(inOrder(messages[1:], batch)); (batch != nil) != test.batch || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, %v, want %q, %v", got, batch, test.want, test.batch)
			}
		})
	}
}

// inOrder inserts the faults of a batch at their positions among its messages.
func inOrder(messages []Message, batch *Batch) []Message {
	if batch == nil {
		return messages
	}
	var all []Message
	for _, f := range batch.Faults {
		before := f.At - len(all)
		all = append(all, messages[:before]...)
		all = append(all, Message{Err: f.Err})
		messages = messages[before:]
	}
	return append(all, messages...)
}

// The socket reads the next frame into the same memory.
func TestDecodeKeepsNothingOfTheFrame(t *testing.T) {
	text := `[{"headers":[{"key":"hk","value":"hv"},{"key":"b","value":{"value":"AQID","format":"bytearray"}}],"key":{"value":"key"},"value":{"value":[1,2],"format":"json"},"messageId":"m1"},{"value":"bad text","messageId":"m2"}]`
	in := NewJSONIn(InSettings{})
	want, _ := in.Decode([]byte(text), nil)
	frame := []byte(text)
	got, _ := in.Decode(frame, nil)
	for i := range frame {
		frame[i] = '#'
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v after the frame changed, want %+v", got, want)
	}
	key := append(got[0].Record.Key, "more"...) //nolint:gocritic // what must not reach the value beside it
	if string(got[0].Record.Value) != "[1,2]" || string(key) != "keymore" {
		t.Errorf("appending to the key changed the value to %q", got[0].Record.Value)
	}
}

func TestAppendAck(t *testing.T) {
	in := NewJSONIn(InSettings{Topic: "foo"})
	ack := proxy.Ack{Partition: 2, Offset: 4, Timestamp: 1554896731782}
	for name, test := range map[string]struct {
		id    string
		hasID bool
		want  string
	}{
		"with messageId":    {"m1", true, `x{"topic":"foo","partition":2,"offset":4,"timestamp":1554896731782,"messageId":"m1"}`},
		"without messageId": {"", false, `x{"topic":"foo","partition":2,"offset":4,"timestamp":1554896731782}`},
		"empty messageId":   {"", true, `x{"topic":"foo","partition":2,"offset":4,"timestamp":1554896731782,"messageId":""}`},
		"odd messageId":     {"a\"\\\n\x00é\u2028", true, "x" + `{"topic":"foo","partition":2,"offset":4,"timestamp":1554896731782,"messageId":"a\"\\\n\u0000é` + "\u2028" + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(in.AppendAck([]byte("x"), ack, test.id, test.hasID)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestAnAckHasItsIDUnderBothNames where that was asked for.
func TestAnAckHasItsIDUnderBothNames(t *testing.T) {
	in := NewJSONIn(InSettings{Topic: "foo", ClientMessageID: true})
	const rest = `{"topic":"foo","partition":2,"offset":4,"timestamp":5`
	for want, hasID := range map[string]bool{rest + `,"messageId":"m\"1","clientMessageId":"m\"1"}`: true, rest + `}`: false} {
		if got := string(in.AppendAck(nil, proxy.Ack{Partition: 2, Offset: 4, Timestamp: 5}, `m"1`, hasID)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestJSONFramesAreText(t *testing.T) {
	if NewJSONIn(InSettings{}).Binary() || NewJSONOut(OutSettings{}).Binary() {
		t.Error("a JSON side asks for binary messages")
	}
}
