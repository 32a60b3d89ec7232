package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// offersDeflate is the header by which a client offers what Chromium does.
const offersDeflate = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

// readings are records of devices, whose frames have about 276 bytes.
func readings(from, count int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		device := rand.IntN(500)
		records[i] = &kgo.Record{
			Key: fmt.Appendf(nil, "sensor-%d", (from+i)%10),
			Value: fmt.Appendf(nil, `{"number":%d,"device":%d,"celsius":%.2f,"humidity":%.1f,"battery":%d,"status":"ok"}`,
				from+i, device, 15+rand.Float64()*15, 30+rand.Float64()*50, 3000+rand.IntN(1200)),
		}
	}
	return records
}

// compressedTail is a tail that inflates what it reads, and counts that.
type compressedTail struct {
	*raw

	records, compressed, bytes, length int
}

// compressedTail opens a tail that offers compression.
func (p *proxy) compressedTail(t *testing.T, topic, offer string, parameters ...string) *compressedTail {
	t.Helper()
	c := &compressedTail{raw: p.raw(t, tailPath(topic, append(parameters, "valType=json")...), offer)}
	if first := tailFrameOf(t, c.message()); first.Tail == nil || c.raw.compressed {
		t.Fatalf("the first frame is %s, compressed: %v", first.text, c.raw.compressed)
	}
	return c
}

// next returns the next frame that is no cursor.
func (c *compressedTail) next() tailFrame {
	c.t.Helper()
	for {
		f := tailFrameOf(c.t, c.message())
		if f.kind() != "record" && c.raw.compressed {
			c.t.Errorf("what is of this socket alone is compressed: %s", f.text)
		}
		if f.Cursor != "" {
			continue
		}
		if c.records++; c.raw.compressed {
			c.compressed++
		}
		c.bytes, c.length = c.bytes+len(f.text), c.length+c.raw.length
		return f
	}
}

// wants reads records, which must be these.
func (c *compressedTail) wants(what string, want []tailFrame) {
	c.t.Helper()
	for i := range want {
		if got := c.next(); got.text != want[i].text {
			c.t.Fatalf("%s: record %d is %.300s, want %.300s", what, i, got.text, want[i].text)
		}
	}
}

// TestTailsShareCompressedRecords has clients in step, newcomers, and clients that take less, read the same as one without
// compression. However many they are, a record is compressed twice at most.
func TestTailsShareCompressedRecords(t *testing.T) {
	const rounds, each = 20, 50
	offers := map[string]string{
		"in step":                   offersDeflate,
		"in step too":               offersDeflate,
		"with a window of 4 KB":     "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12",
		"each message by itself":    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover",
		"each in a window of 16 KB": "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=14",
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t, "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=128")
		plain, all := p.tail(t, topic, "valType=json"), map[string]*compressedTail{}
		for name, offer := range offers {
			all[name] = p.compressedTail(t, topic, offer)
		}
		latest := p.compressedTail(t, topic, offersDeflate, "slow=latest")
		byKey := p.compressedTail(t, topic, offersDeflate, "key=sensor-3")
		for round := range rounds {
			if round%5 == 1 {
				all[fmt.Sprintf("a newcomer of round %d", round)] = p.compressedTail(t, topic, offersDeflate)
			}
			k.produce(t, topic, readings(round*each, each)...)
			want := plain.records(each)
			for name, c := range all {
				c.wants(name, want)
			}
			latest.wants("latest", want)
			for i := 3; i < each; i += 10 {
				byKey.wants("by key", want[i:i+1])
			}
		}
		for name, c := range all {
			if c.compressed != c.records {
				t.Errorf("%s: %d of %d records are compressed", name, c.compressed, c.records)
			}
		}
		for name, c := range map[string]*compressedTail{"in step": all["in step"], "latest": latest} {
			if ratio := float64(c.bytes) / float64(c.length); ratio < 4 {
				t.Errorf("%s: records of %d bytes come %.1f times shorter", name, c.bytes/c.records, ratio)
			} else {
				t.Logf("%s: records of %d bytes come %.1f times shorter", name, c.bytes/c.records, ratio)
			}
		}
		if c := byKey; c.compressed != c.records || c.length >= c.bytes {
			t.Errorf("by key: %d of %d records are compressed, %d bytes to %d", c.compressed, c.records, c.bytes, c.length)
		}
		encoded, compressed := p.metric(t, "wsproxy_tail_encodings_total"), p.metric(t, "wsproxy_tail_compressions_total")
		if encoded != rounds*each || compressed > 2*encoded || compressed < encoded {
			t.Errorf("%v records were encoded %v times and compressed %v times", rounds*each, encoded, compressed)
		}
	})
}

// TestTailsWithCompressionChange reads on after each change of what a socket is given: other keys, another topic, and all.
func TestTailsWithCompressionChange(t *testing.T) {
	const each = 30
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other, p := k.topic(t, 1), k.topic(t, 1), k.start(t, "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=128")
		plain, inStep, c := p.tail(t, topic, "valType=json"), p.compressedTail(t, topic, offersDeflate), p.compressedTail(t, topic, offersDeflate)
		number := 0
		round := func(what string) (want []tailFrame) {
			t.Helper()
			k.produce(t, topic, readings(number, each)...)
			number += each
			want = plain.records(each)
			inStep.wants(what, want)
			return want
		}
		subscribe := func(command string) {
			t.Helper()
			c.send(opText, command)
			if f := c.next(); f.kind() != "subscribed" {
				t.Fatalf("got %s", f.text)
			}
		}
		for range 3 {
			c.wants("all", round("all"))
			subscribe(fmt.Sprintf(`{"subscribe":{"topic":%q,"keys":["sensor-7"]}}`, topic))
			for i, f := range round("keys") {
				if i%10 == 7 {
					c.wants("keys", []tailFrame{f})
				}
			}
			subscribe(fmt.Sprintf(`{"subscribe":{"topic":%q}}`, topic))
			c.wants("all again", round("all again"))
			subscribe(fmt.Sprintf(`{"subscribe":{"topic":%q}}`, other))
			for range 5 {
				c.wants("beside another topic", round("beside another topic"))
				k.produce(t, other, readings(0, each)...)
				for i := range each {
					if f := c.next(); f.Topic != other || f.Offset%each != int64(i) {
						t.Fatalf("got %s", f.text)
					}
				}
			}
			c.send(opText, fmt.Sprintf(`{"unsubscribe":{"topic":%q}}`, other))
			c.next()
		}
	})
}

// TestTailWithCompressionSkips is behind by more than the ring holds, and goes on.
func TestTailWithCompressionSkips(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		for _, slow := range []string{"skip", "wait"} {
			s := &stalled{k: k, p: k.start(t, "TAIL_BUFFER_BYTES=2MiB", "WRITE_TIMEOUT=5m", "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=128"), topic: k.topic(t, 1)}
			c := s.p.compressedTail(t, s.topic, offersDeflate, "slow="+slow)
			s.raw = c.raw
			plain := s.p.tail(t, s.topic, "valType=json")
			k.produce(t, s.topic, readings(0, 50)...)
			c.wants("before", plain.records(50))
			plain.close() // while it read the flood, nobody would answer the other's pings
			l := newLedger(0)
			s.flood(1)
			s.drainTo(l, map[int32]int64{0: 50 + floodRecords})
			if got := len(l.gaps) > 0; got != (slow == "skip") {
				t.Errorf("%s: the gaps are %v", slow, l.gaps)
			}
			plain = s.p.tail(t, s.topic, "valType=json")
			k.produce(t, s.topic, readings(50, 200)...)
			c.wants("after", plain.records(200))
		}
	})
}

// TestTailsInAvroAreCompressed has a client in step read binary messages.
func TestTailsInAvroAreCompressed(t *testing.T) {
	const count = 200
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t, "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=64")
		parameters := []string{"socketPayload=avro", "valType=json"}
		plain := p.dial(t, tailPath(topic, parameters...))
		c := dialURL(t, "ws://"+p.addr, tailPath(topic, parameters...), compressing())
		r := p.compressedTail(t, topic, offersDeflate, parameters[0])
		k.produce(t, topic, readings(0, count)...)
		want := plain.recordFrames(count, "avro")
		for i, got := range c.recordFrames(count, "avro") {
			if got != want[i] {
				t.Fatalf("record %d is %q, want %q", i, got, want[i])
			}
		}
		for i := range count {
			op, payload := r.read()
			for op != opBinary {
				op, payload = r.read()
			}
			if payload != want[i] || !r.raw.compressed {
				t.Fatalf("record %d is %q, want %q", i, payload, want[i])
			}
		}
	})
}

func compressing() *websocket.DialOptions {
	return &websocket.DialOptions{HTTPClient: httpClient(), CompressionMode: websocket.CompressionContextTakeover}
}

// TestTailArraysAreNotCompressed has a client ask for arrays.
func TestTailArraysAreNotCompressed(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t, "COMPRESSION_ENABLED=true", "COMPRESSION_MIN_BYTES=128")
		c := p.compressedTail(t, topic, offersDeflate, "batch=true")
		k.produce(t, topic, readings(0, 100)...)
		for records := 0; records < 100; {
			frames := split(t, c.message())
			if c.raw.compressed {
				t.Fatal("an array is compressed")
			}
			for _, text := range frames {
				if f := tailFrameOf(t, text); f.kind() == "record" {
					records++
				}
			}
		}
	})
}
