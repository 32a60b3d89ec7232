package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// recordFrames reads messages that are records, of which there are as many, as their bytes.
func (c *client) recordFrames(count int, payload string) (all []string) {
	c.t.Helper()
	kind := websocket.MessageText
	if payload == "avro" {
		kind = websocket.MessageBinary
	}
	for len(all) < count {
		ctx, cancel := context.WithTimeout(c.t.Context(), patience)
		got, message, err := c.conn.Read(ctx)
		cancel()
		if err != nil {
			c.t.Fatalf("after %d frames: %v", len(all), err)
		}
		c.transcript.received(got, message)
		isRecord := payload == "avro" && got == kind || strings.HasPrefix(string(message), `{"wsProxyMessageId"`)
		if isRecord {
			all = append(all, string(message))
		} else if got != websocket.MessageText {
			c.t.Errorf("a binary message is no record: %q", message)
		}
	}
	return all
}

// odd are records of all shapes.
func odd() []*kgo.Record {
	return []*kgo.Record{
		{Value: []byte("no key")},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("tombstone")},
		{Key: []byte{0xFF, 0}, Value: []byte{0xFE, '\n'}},
		{Key: []byte("k"), Value: []byte("null")},
		{Key: []byte("grün"), Value: []byte(`{"a" : [1.0, 1e2, "\u00e9"],"a":2}`), Headers: []kgo.RecordHeader{
			{Key: "b", Value: []byte("1")}, {Key: "a", Value: []byte("grün \"")}, {Key: "b"}, {Key: "e", Value: []byte{}}, {Key: "x", Value: []byte{0xFF}},
		}},
		{Key: big32(7), Value: big64(9007199254740993)},
		{Key: []byte(strings.Repeat("long", 500)), Value: []byte(strings.Repeat("x", 5000))},
	}
}

// TestTailFramesAreThoseOfOut compares them byte for byte, in all formats.
func TestTailFramesAreThoseOfOut(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, records := k.topic(t, 1), odd()
		for _, v := range bothWays() {
			records = append(records, &kgo.Record{Key: v.bytes, Value: v.bytes})
		}
		for _, bad := range undecodable() {
			records = append(records, &kgo.Record{Key: bad.bytes, Value: bad.bytes})
		}
		k.produce(t, topic, records...)
		for _, parameters := range variants() {
			for _, payload := range []string{"json", "avro"} {
				if payload == "avro" && strings.HasPrefix(parameters[0], "max") {
					continue // it is for JSON alone
				}
				all := append([]string{"socketPayload=" + payload}, parameters...)
				out := k.run(t).out(t, topic, append(all, "groupId="+k.group())...)
				want := out.recordFrames(len(records), payload)
				out.close()
				c := k.run(t).dial(t, tailPath(topic, append(all, "from=earliest")...))
				got := c.recordFrames(len(records), payload)
				c.close()
				wantSame(t, fmt.Sprint(all), got, want)
			}
		}
	})
}

// variants are the parameters that frames depend on.
func variants() (all [][]string) {
	of := func(format string, more ...string) {
		all = append(all, append(more, "keyType="+format, "valType="+format))
	}
	for _, format := range []string{"", "json", "avro", "bytearray", "byte_array", "string", "int", "short", "long", "double", "FLOAT"} {
		of(format)
	}
	of("long", "longs=string")
	of("", "maxMessageBytes=1500")
	of("bytearray", "maxMessageBytes=1500")
	return all
}

func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s: frame %d is %.300q, on /socket/out %.300q", what, i, got[i], want[i])
		}
	}
}

// TestTailFramesAreTheSameForAll compares those of sockets with other parameters, caught up and live.
func TestTailFramesAreTheSameForAll(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		var tails []*tail
		for _, parameters := range [][]string{nil, {"key=grün"}, {"credit=100"}, {"rate=1000", "cursors=50"}, {"slow=skip"}, {"clientId=c"}} {
			tails = append(tails, p.tail(t, topic, parameters...))
		}
		k.produce(t, topic, odd()...)
		tails = append(tails, p.tail(t, topic, "from=earliest"), p.tail(t, topic, "from=offset:0:0"), p.tail(t, topic, "from=last:8"))
		want := make(map[int64]string)
		for _, f := range tails[0].records(8) {
			want[f.Offset] = f.text
		}
		for i, c := range tails[1:] {
			count := 8
			if i == 0 {
				count = 1 // of the key alone
			}
			for _, f := range c.records(count) {
				if f.text != want[f.Offset] {
					t.Errorf("tail %d: got %s, want %s", i, f.text, want[f.Offset])
				}
			}
		}
	})
}

// TestTailBatches reads arrays, whose elements are the frames of others.
func TestTailBatches(t *testing.T) {
	const count, largest = 200, 4096
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		var want []string
		for _, f := range p.tail(t, topic, "from=earliest").records(count) {
			want = append(want, f.text)
		}
		for _, more := range [][]string{nil, {"rate=1000"}, {"slow=skip"}, {"credit=1000"}, {fmt.Sprintf("maxMessageBytes=%d", largest)}} {
			c := p.tail(t, topic, append(more, "from=earliest", "batch=true")...)
			var got []string
			longest := 0
			for len(got) < count {
				message := c.read()
				if !strings.HasPrefix(message, "[") {
					if strings.HasPrefix(message, `{"wsProxyMessageId"`) {
						t.Fatalf("a record comes alone: %s", message)
					}
					continue
				}
				if len(more) > 0 && strings.HasPrefix(more[0], "max") && len(message) > largest {
					t.Errorf("a message of %d bytes came", len(message))
				}
				frames := parse[[]json.RawMessage](t, message)
				longest = max(longest, len(frames))
				for _, frame := range frames {
					got = append(got, string(frame))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: the frames differ", more)
			}
			if longest < 2 {
				t.Errorf("%q: each record came alone", more)
			}
		}
	})
}

func TestTailRate(t *testing.T) {
	const count, perSecond = 60, 40
	least := time.Second * (count - perSecond/10) / perSecond
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		for _, more := range [][]string{nil, {"batch=true"}, {`where={"json":"","exists":true}`}} {
			began, watch := time.Now(), stopwatch.Start(t)
			c := k.run(t).tail(t, topic, append(more, "from=earliest", fmt.Sprintf("rate=%d", perSecond))...)
			wantValues(t, c.values(count), 0)
			watch.Stop()
			if took := time.Since(began); took < least || watch.Elapsed() > 5*least {
				t.Errorf("%q: %d records took %v, at %d a second it must be %v", more, count, took, perSecond, least)
			}
		}
	})
}

// TestTailFramesAreTheSameWithCompression reads with clients that join at different times, in step and late, and
// with one that negotiated nothing.
func TestTailFramesAreTheSameWithCompression(t *testing.T) {
	const batches, each = 40, 25
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t, "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=128")
		plain := p.tail(t, topic)
		compressed := func(mode websocket.CompressionMode, parameters ...string) *tail {
			return newTail(dialURL(t, "ws://"+p.addr, tailPath(topic, parameters...), &websocket.DialOptions{HTTPClient: httpClient(), CompressionMode: mode}))
		}
		modes := []websocket.CompressionMode{websocket.CompressionContextTakeover, websocket.CompressionNoContextTakeover}
		var want []string
		first := make(map[*tail]int) // the first record that a tail may get
		for i := range batches {
			if i%4 == 0 {
				from := []string{"latest", "earliest"}[i/4%2]
				c := compressed(modes[i/8%2], "from="+from)
				if first[c] = len(want); from == "earliest" {
					first[c] = 0
				}
			}
			for _, r := range numbered(i*each, each, 1, 100+i) {
				k.produce(t, topic, r)
			}
			for _, f := range plain.records(each) {
				want = append(want, f.text)
			}
		}
		for c, from := range first {
			for i, f := range c.records(len(want) - from) {
				if f.text != want[from+i] {
					t.Fatalf("record %d is %.300s, want %.300s", from+i, f.text, want[from+i])
				}
			}
		}
	})
}
