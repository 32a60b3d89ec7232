package e2e

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestOutFitsMessagesToWhatAClientTakes uses a client whose library fails on longer messages.
func TestOutFitsMessagesToWhatAClientTakes(t *testing.T) {
	const limit = 4096
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		big := []byte(strings.Repeat("x", 2*limit))
		k.produce(t, topic,
			&kgo.Record{Key: []byte("k"), Value: []byte("before")},
			&kgo.Record{Key: []byte("k"), Value: big, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}}},
			&kgo.Record{Key: big, Value: big[1:]},
			&kgo.Record{Key: big},
			&kgo.Record{Key: []byte("k"), Value: []byte("after")})
		c := k.run(t).out(t, topic, "groupId="+group, "maxMessageBytes=4096")
		c.conn.SetReadLimit(limit)
		all := c.deliveries(5)
		for i, want := range []struct {
			key, value                     string
			keyBytes, valueBytes, leftOver int // of what was left out, and the number of headers that were not
		}{
			{`"k"`, `"before"`, 0, 0, 0},
			{`"k"`, "null", 0, 2 * limit, 1},
			{"null", "null", 2 * limit, 2*limit - 1, 0},
			{"null", "null", 2 * limit, 0, 0},
			{`"k"`, `"after"`, 0, 0, 0},
		} {
			d := all[i]
			wantFitted(t, "key", d.Key, want.key, want.keyBytes)
			wantFitted(t, "value", d.Value, want.value, want.valueBytes)
			if d.Offset != int64(i) || len(d.Headers) != want.leftOver {
				t.Errorf("record %d is %+v", i, d)
			}
		}
		go func() { _, _ = c.next() }() // answers the ping
		k.awaitCommit(t, group, topic, 5)
	})
}

// wantFitted checks a key or a value, and how many bytes of it were left out; 0 if none were.
func wantFitted(t *testing.T, name string, got *field, value string, leftOut int) {
	t.Helper()
	switch {
	case got == nil || string(got.Value) != value:
		t.Errorf("%s: got %+v, want %s", name, got, value)
	case leftOut == 0 && (got.Error != nil || got.Format != "string"):
		t.Errorf("%s: got %+v", name, got)
	case leftOut > 0 && (got.Error == nil || got.Error.Code != "MESSAGE_TOO_LARGE" || got.Error.Bytes != leftOut || got.Format != "bytearray"):
		t.Errorf("%s: got %+v, want %d bytes left out", name, got, leftOut)
	}
}
