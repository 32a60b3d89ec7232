package codec

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const fittedStart = `{"wsProxyMessageId":"foo-0-1-2","topic":"foo","partition":0,"offset":1,"timestamp":2,`

// omitted is a member that was left out.
func omitted(name, what string, count int) string {
	return fmt.Sprintf(`%q:{"value":null,"format":"bytearray","error":{"code":"MESSAGE_TOO_LARGE","message":"%s left out, beyond maxMessageBytes","bytes":%d}}`, name, what, count)
}

func TestRecordsAreFittedToALimit(t *testing.T) {
	big := []byte(strings.Repeat("x", 2000))
	bigHeaders := []proxy.Header{{Key: "h", Value: big}}
	for name, test := range map[string]struct {
		value       proxy.Format
		record      proxy.Record
		want        string
		undecodable bool
	}{
		"short":                        {proxy.FormatString, proxy.Record{Key: []byte("k"), Value: []byte("v")}, `"key":{"value":"k","format":"string"},"value":{"value":"v","format":"string"}}`, false},
		"short and undecodable":        {proxy.FormatInt, proxy.Record{Value: []byte("v")}, `"value":{"value":"dg==","format":"bytearray","error":{"code":"UNDECODABLE","message":"value does not fit format int: its length is not 4 bytes"}}}`, true},
		"a long value":                 {proxy.FormatString, proxy.Record{Headers: []proxy.Header{{Key: "h"}}, Key: []byte("k"), Value: big}, `"headers":[{"key":"h","value":null}],"key":{"value":"k","format":"string"},` + omitted("value", "value", 2000) + `}`, false},
		"a value that escapes make so": {proxy.FormatString, proxy.Record{Value: []byte(strings.Repeat("\x01", 200))}, omitted("value", "value", 200) + `}`, false},
		"one that base64 makes so":     {proxy.FormatByteArray, proxy.Record{Value: make([]byte, 800)}, omitted("value", "value", 800) + `}`, false},
		"one that does not fit either": {proxy.FormatLong, proxy.Record{Value: make([]byte, 800)}, omitted("value", "value", 800) + `}`, false},
		"a long key":                   {proxy.FormatString, proxy.Record{Key: big, Value: []byte("v")}, omitted("key", "key", 2000) + "," + omitted("value", "value", 1) + `}`, false},
		"a long key of a tombstone":    {proxy.FormatLong, proxy.Record{Key: big}, omitted("key", "key", 2000) + `,"value":{"value":null,"format":"long"}}`, false},
		"both long":                    {proxy.FormatString, proxy.Record{Key: big, Value: big[1:]}, omitted("key", "key", 2000) + "," + omitted("value", "value", 1999) + `}`, false},
		"long headers":                 {proxy.FormatString, proxy.Record{Headers: bigHeaders, Key: []byte("k"), Value: []byte("v")}, omitted("key", "key and headers", 1) + "," + omitted("value", "value and headers", 1) + `}`, false},
		"long headers of a tombstone":  {proxy.FormatString, proxy.Record{Headers: bigHeaders, Key: []byte("k")}, omitted("key", "key and headers", 1) + `,"value":{"value":null,"format":"string"}}`, false},
		"long headers of nothing":      {proxy.FormatString, proxy.Record{Headers: bigHeaders}, omitted("value", "value and headers", 0) + `}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			out := NewJSONOut(OutSettings{Topic: "foo", ValueFormat: test.value, MaxMessageBytes: LeastMessageLimit})
			test.record.Offset, test.record.Timestamp = 1, 2
			frame, undecodable := out.AppendRecord([]byte("x"), &test.record)
			if got := string(frame); got != "x"+fittedStart+test.want || undecodable != test.undecodable {
				t.Errorf("got  %s, %t\nwant x%s, %t", got, undecodable, fittedStart+test.want, test.undecodable)
			}
			if !isJSON(frame[1:]) {
				t.Error("the frame is not JSON")
			}
		})
	}
}

// TestAMessageMayBeAsLongAsTheLimit moves the limit past the length of a message.
func TestAMessageMayBeAsLongAsTheLimit(t *testing.T) {
	r := &proxy.Record{Key: []byte("k"), Value: []byte(strings.Repeat("x", 2000))}
	whole, _ := NewJSONOut(OutSettings{Topic: "foo"}).AppendRecord(nil, r)
	for limit, want := range map[int]bool{len(whole) - 1: false, len(whole): true, len(whole) + 1: true} {
		got, _ := NewJSONOut(OutSettings{Topic: "foo", MaxMessageBytes: limit}).AppendRecord(nil, r)
		if bytes.Equal(got, whole) != want || len(got) > limit {
			t.Errorf("with a limit of %d, %d bytes come: %.100s", limit, len(got), got)
		}
	}
}

// TestTheLeastLimitIsKept delivers only the parts that cannot be left out, all of them at their longest.
func TestTheLeastLimitIsKept(t *testing.T) {
	out := NewJSONOut(OutSettings{Topic: strings.Repeat("t", 249), MaxMessageBytes: LeastMessageLimit})
	big := make([]byte, 128<<20) // more than Kafka's clients take; the count has nine digits
	frame, _ := out.AppendRecord(nil, &proxy.Record{
		Partition: math.MaxInt32, Offset: math.MaxInt64, Timestamp: math.MinInt64,
		Key: big, Value: big, Headers: []proxy.Header{{Key: "h", Value: make([]byte, 1000)}},
	})
	if len(frame) > LeastMessageLimit {
		t.Errorf("%d bytes come: %s", len(frame), frame)
	}
}

// TestALongValueIsNotEncoded checks that a client with a limit costs no more than the limit, whatever
// is in the topic.
func TestALongValueIsNotEncoded(t *testing.T) {
	out := NewJSONOut(OutSettings{Topic: "foo", MaxMessageBytes: LeastMessageLimit})
	big := make([]byte, 16<<20)
	if got := allocatedBy(func() { out.AppendRecord(nil, &proxy.Record{Key: big, Value: big}) }); got > 64<<10 {
		t.Errorf("%d bytes are allocated", got)
	}
}
