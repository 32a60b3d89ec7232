package codec

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// formatFrom makes a format of any byte.
func formatFrom(b byte) proxy.Format { return proxy.Format(b % byte(proxy.FormatFloat+1)) }

// FuzzJSONMessage states of every frame: it is INVALID_JSON exactly if it is not JSON; what
// it allocates is in proportion to its length; its messages hold either an error or a
// record; and a record, delivered in the formats that its message named, is decodable and
// reads back as the same record.
func FuzzJSONMessage(f *testing.F) {
	for _, seed := range []string{
		`{"headers":[{"key":"h","value":"v"},{"key":"b","value":{"value":"/w==","format":"bytearray"}},{"key":"n","value":null}],"key":{"value":"foo","format":"string"},"value":{"value":"bar","format":"string"},"messageId":"m1","partition":2,"timestamp":1554896731782}`,
		`{"key":{"value":1e2,"format":"short"},"value":{"value":"-9223372036854775808","format":"long"}}`,
		`{"key":{"value":"NaN","format":"float"},"value":{"value":1.7e308,"format":"double"}}`,
		`{"key":{"value":"AQ==","format":"avro"},"value":{"value":{"a":["\ud800",01]},"format":"json"}}`,
		`{"value":{"value":"\ud83d\ude00\/","format":"BYTE_ARRAY"}}`, `{"value":null}`, `{"value":5,"messageId":"m"}`, `{"value":null,"partition":-1}`, "", "[[]]",
	} {
		f.Add([]byte(seed), byte(0), byte(0))
		f.Add([]byte(seed), byte(proxy.FormatJSON), byte(proxy.FormatInt))
	}
	f.Fuzz(func(t *testing.T, frame []byte, key, value byte) {
		settings := InSettings{Topic: "t", KeyFormat: formatFrom(key), ValueFormat: formatFrom(value)}
		in := NewJSONIn(settings)
		var messages []Message
		var batch *Batch
		checkAllocated(t, frame, func() { messages, batch = in.Decode(frame, nil) })
		invalid := batch == nil && messages[0].Err != nil && messages[0].Err.Kind == proxy.KindInvalidJSON
		if maxNesting(frame) <= 10_000 && invalid == isJSON(frame) {
			t.Fatalf("%q: INVALID_JSON is %v", frame, invalid)
		}
		messages = inOrder(messages, batch)
		for i := range messages {
			checkMessage(t, &messages[i])
		}
		if batch == nil && messages[0].Err == nil {
			checkDelivery(t, settings, frame, messages[0].Record)
		}
	})
}

// checkAllocated states that decoding a frame allocates in proportion to its length, garbage
// included. What the fuzzing engine allocates beside it is in the constant.
func checkAllocated(t *testing.T, frame []byte, decode func()) {
	t.Helper()
	if allocated := allocatedBy(decode); allocated > uint64(1<<18+200*len(frame)) {
		t.Fatalf("%d bytes allocated for a frame of %d", allocated, len(frame))
	}
}

func checkMessage(t *testing.T, m *Message) {
	t.Helper()
	if m.Err == nil {
		if m.Record.Partition < proxy.AnyPartition || m.Record.Timestamp < 0 {
			t.Fatalf("impossible record %+v", m.Record)
		}
		return
	}
	if !reflect.DeepEqual(m.Record, proxy.Record{}) || len(m.Err.Message) > 400 {
		t.Fatalf("record %+v beside error %v", m.Record, m.Err)
	}
	if frame := AppendError(nil, m.Err, "messageId", m.ID); !isJSON(frame) {
		t.Fatalf("the error frame is not JSON: %s", frame)
	}
}

// checkDelivery delivers the record that frame produced and produces what was delivered.
func checkDelivery(t *testing.T, settings InSettings, frame []byte, record proxy.Record) {
	t.Helper()
	s := scanner{data: frame, maxDepth: DefaultMaxDepth}
	var e envelope
	s.peek()
	e.scan(&s)
	keyFormat, keyErr := e.key.resolve(&s, "key", orString(settings.KeyFormat))
	valueFormat, valueErr := e.value.resolve(&s, "value", orString(settings.ValueFormat))
	if keyErr != nil || valueErr != nil {
		t.Fatalf("formats: %v, %v", keyErr, valueErr)
	}
	out := NewJSONOut(OutSettings{Topic: "t", KeyFormat: keyFormat, ValueFormat: valueFormat})
	record.Partition, record.HasTimestamp = max(0, record.Partition), true
	delivered, undecodable := out.AppendRecord(nil, &record)
	if undecodable || !isJSON(delivered) {
		t.Fatalf("%s is delivered as %s", frame, delivered)
	}
	again, _ := NewJSONIn(InSettings{}).Decode(delivered, nil)
	if again[0].Err != nil || !reflect.DeepEqual(again[0].Record, withoutNull(record, keyFormat, valueFormat)) {
		t.Fatalf("%s\nis delivered as %s\nwhich reads as %+v (%v)\nnot as %+v", frame, delivered, again[0].Record, again[0].Err, record)
	}
}

// withoutNull is r as a reader of JSON can know it: the JSON text null is a null.
func withoutNull(r proxy.Record, key, value proxy.Format) proxy.Record {
	r.Offset = 0
	if key == proxy.FormatJSON && string(bytes.TrimSpace(r.Key)) == "null" {
		r.Key = nil
	}
	if value == proxy.FormatJSON && string(bytes.TrimSpace(r.Value)) == "null" {
		r.Value = nil
	}
	return r
}

// FuzzBatch states that an array is answered by one message per element, each as if it had
// come alone, save that an array in it is no message, and that what it allocates is in
// proportion to its length.
func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		"[]", `[{"value":{"value":"a"}},{"value":{"value":"b"},"messageId":"m"}]`, `[5,[],{"value":5,"messageId":"m"},null,{"value":null}]`, `[{"value":null},]`, `[[{"value":null}]]`, " [ {\"value\" : null } ] ",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		in := NewJSONIn(InSettings{Topic: "t"})
		var messages []Message
		var batch *Batch
		checkAllocated(t, frame, func() { messages, batch = in.Decode(frame, nil) })
		if maxNesting(frame) > 10_000 {
			return
		}
		trimmed := bytes.TrimLeft(frame, " \t\r\n")
		if wanted := isJSON(frame) && trimmed[0] == '['; (batch != nil) != wanted {
			t.Fatalf("%q: batch is %v", frame, batch)
		}
		if batch == nil {
			if len(messages) != 1 {
				t.Fatalf("%q: %d messages", frame, len(messages))
			}
			return
		}
		elements := elementsOf(t, frame)
		messages = inOrder(messages, batch)
		if len(messages) != len(elements) {
			t.Fatalf("%q: %d messages for %d elements", frame, len(messages), len(elements))
		}
		for i, element := range elements {
			want := []Message{{Err: errNotAnObject}}
			if element[0] != '[' {
				want, _ = in.Decode(element, nil)
			}
			if !reflect.DeepEqual(messages[i], want[0]) {
				t.Fatalf("%s: got %+v, alone %+v", element, messages[i], want[0])
			}
		}
	})
}

// elementsOf splits a JSON array.
func elementsOf(t *testing.T, array []byte) (elements [][]byte) {
	t.Helper()
	decoder := jsontext.NewDecoder(bytes.NewReader(array), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := decoder.ReadToken(); err != nil {
		t.Fatal(err)
	}
	for decoder.PeekKind() != jsontext.KindEndArray {
		element, err := decoder.ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		elements = append(elements, bytes.Clone(element))
	}
	return elements
}

// FuzzJSONRecord states that every record is delivered as JSON in every format, and that a
// producer that sends back what was delivered, undecodable or not, writes the same bytes; and that a
// client which takes no long messages gets none.
// What JSON cannot tell apart is excepted: the payloads of NaNs, white space around a json
// value, and its null.
func FuzzJSONRecord(f *testing.F) {
	for i, seed := range []string{"", "bar", "\xff", "\x00\x00\x00\x01", "\x7f\xf0\x00\x00\x00\x00\x00\x00", "\x7f\xc0\x00\x01", ` {"a":[1,"\ud800"]} `, "null", "é\u2028\"\\\x00"} {
		f.Add([]byte(seed), []byte(seed), byte(i), byte(i+1))
		f.Add([]byte("1"), []byte(seed), byte(i), byte(proxy.FormatJSON))
	}
	f.Fuzz(func(t *testing.T, key, value []byte, k, v byte) {
		keyFormat, valueFormat := formatFrom(k), formatFrom(v)
		settings := OutSettings{Topic: "t", KeyFormat: keyFormat, ValueFormat: valueFormat, LongsAsText: k%2 == 1}
		out := NewJSONOut(settings)
		r := proxy.Record{Timestamp: 1, HasTimestamp: true, Key: key, Value: value, Headers: []proxy.Header{{Key: "h", Value: value}}}
		frame, undecodable := out.AppendRecord(nil, &r)
		if !isJSON(frame) {
			t.Fatalf("not JSON: %q", frame)
		}
		checkFitted(t, settings, &r, frame)
		if undecodable != bytes.Contains(frame, []byte(`"format":"bytearray","error":{"code":"UNDECODABLE"`)) && valueFormat != proxy.FormatJSON && keyFormat != proxy.FormatJSON {
			t.Fatalf("undecodable is %v: %s", undecodable, frame)
		}
		messages, _ := NewJSONIn(InSettings{}).Decode(frame, nil)
		if messages[0].Err != nil {
			t.Fatalf("%s: %v", frame, messages[0].Err)
		}
		got := messages[0].Record
		if !same(got.Key, key, keyFormat) || !same(got.Value, value, valueFormat) || !same(got.Headers[0].Value, value, proxy.FormatNone) {
			t.Fatalf("%s reads as %q, %q, not as %q, %q", frame, got.Key, got.Value, key, value)
		}
	})
}

// checkFitted states that a message that is short enough is left alone, and that a longer one is cut
// to the limit.
func checkFitted(t *testing.T, settings OutSettings, r *proxy.Record, whole []byte) {
	t.Helper()
	settings.MaxMessageBytes = LeastMessageLimit
	fitted, _ := NewJSONOut(settings).AppendRecord(nil, r)
	if short := len(whole) <= LeastMessageLimit; short != bytes.Equal(fitted, whole) || len(fitted) > LeastMessageLimit || !isJSON(fitted) {
		t.Fatalf("%s\nis fitted as %s", whole, fitted)
	}
}

// same reports whether got is what a reader of JSON can know of sent.
func same(got, sent []byte, f proxy.Format) bool {
	if (got == nil) == (sent == nil) && bytes.Equal(got, sent) {
		return true
	}
	switch f {
	case proxy.FormatJSON:
		trimmed := bytes.Trim(sent, " \t\r\n")
		return bytes.Equal(got, trimmed) || (got == nil && string(trimmed) == "null")
	case proxy.FormatFloat:
		return len(got) == 4 && len(sent) == 4 && isNaN(got, 32) && isNaN(sent, 32)
	case proxy.FormatDouble:
		return len(got) == 8 && len(sent) == 8 && isNaN(got, 64) && isNaN(sent, 64)
	}
	return false
}

func isNaN(b []byte, bits int) bool {
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	if bits == 32 {
		return math.IsNaN(float64(math.Float32frombits(uint32(n))))
	}
	return math.IsNaN(math.Float64frombits(n))
}

// FuzzCommit states of every frame that it is INVALID_JSON exactly if it is not JSON, that an
// accepted id is the one spelling of its position, that the refusal of any other is a frame
// that repeats the id, and that what it allocates is in proportion to its length.
func FuzzCommit(f *testing.F) {
	for _, seed := range []string{`{"wsProxyMessageId":"t-0-1-2"}`, `{"wsProxyMessageId":"t-0-1--1"}`, `{"wsProxyMessageId":"t-0-01-2"}`, `{"wsProxyMessageId":"\u0074-0-1-2","x":[]}`, `{"wsProxyMessageId":7}`, `[]`, `{`, `{"auth":{"token":"x"}}`} {
		f.Add([]byte(seed))
	}
	out := NewJSONOut(OutSettings{Topic: "t"})
	f.Fuzz(func(t *testing.T, frame []byte) {
		var commit Commit
		var err *proxy.Error
		checkAllocated(t, frame, func() { commit, err = out.DecodeCommit(frame) })
		if maxNesting(frame) <= 10_000 && isJSON(frame) == (err != nil && err.Kind == proxy.KindInvalidJSON) {
			t.Fatalf("%q: %v", frame, err)
		}
		if err == nil {
			if commit.Position.String() != commit.ID || commit.Position.Topic != "t" {
				t.Fatalf("%q: %+v", frame, commit)
			}
			return
		}
		if commit.Position != (proxy.Position{}) || !utf8.ValidString(commit.ID) || !isJSON(AppendError(nil, err, MessageIDName, commit.ID)) {
			t.Fatalf("%q: %+v beside %v", frame, commit, err)
		}
	})
}

// FuzzGrant states of every frame that it is a grant exactly if it is a JSON object with the member and without an id,
// that a grant is refused exactly if the member is no whole number of at least 1, and that the refusal is JSON.
func FuzzGrant(f *testing.F) {
	for _, seed := range []string{`{"credit":5}`, `{"credit":-1}`, `{"credit":1.5,"x":1}`, `{"credit":1e2}`, `{"cr\u0065dit":"5"}`, `{"credit":9223372036854775808}`, `{"credit":1,"wsProxyMessageId":"t-0-1-2"}`, `{"x":{"credit":1}}`, `[{"credit":1}]`, `{"credit":1`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		n, is, err := DecodeGrant(frame)
		if maxNesting(frame) > 10_000 {
			return
		}
		var members map[string]json.RawMessage
		if isJSON(frame) {
			_ = json.Unmarshal(frame, &members)
		}
		credit, there := members[creditName]
		if want := there && members[MessageIDName] == nil; is != want {
			t.Fatalf("%q: is a grant: %t", frame, is)
		}
		want, whole := int64(0), false
		if there && bytes.IndexByte([]byte("-0123456789"), credit[0]) >= 0 {
			want, whole = ParseInteger(credit)
		}
		good := is && whole && want > 0
		if good != (is && err == nil) || good && n != want || !good && n != 0 || err != nil && !isJSON(AppendError(nil, err, "", "")) {
			t.Fatalf("%q: got %d, %v", frame, n, err)
		}
	})
}

// FuzzCommitOfDelivered states that the id of every delivered record commits its position.
func FuzzCommitOfDelivered(f *testing.F) {
	f.Add("foo-bar", int32(0), int64(1), int64(1554402266846))
	f.Add("-", int32(math.MaxInt32), int64(math.MaxInt64), int64(-1))
	f.Fuzz(func(t *testing.T, topic string, partition int32, offset, timestamp int64) {
		if topic == "" || !utf8.ValidString(topic) || partition < 0 || offset < 0 {
			return
		}
		out := NewJSONOut(OutSettings{Topic: topic})
		frame, _ := out.AppendRecord(nil, &proxy.Record{Partition: partition, Offset: offset, Timestamp: timestamp})
		commit, err := out.DecodeCommit(frame)
		if want := (proxy.Position{Topic: topic, Partition: partition, Offset: offset, Timestamp: timestamp}); err != nil || commit.Position != want {
			t.Fatalf("%s: got %+v, %v", frame, commit, err)
		}
	})
}
