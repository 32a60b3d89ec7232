package socket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// offered is what Chromium offers.
	offered = "permessage-deflate; client_max_window_bits"
	// deflateTail ends a message that is to be inflated: what its sender has left out, and an empty last block.
	deflateTail = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
)

// acceptCompressed is accept with a client that offers compression, of messages from minBytes on.
func acceptCompressed(t *testing.T, s Settings, minBytes int64, size int) (*Conn, *peer, *meters) {
	t.Helper()
	s.Compression = NewCompression(minBytes)
	server, client := newPipe(size)
	c, p, m := acceptRequest(t, s, requestThatOffers(offered), server, client)
	p.inflates = true
	return c, p, m
}

func requestThatOffers(extensions ...string) *http.Request {
	r := upgradeRequest()
	for _, extension := range extensions {
		r.Header.Add("Sec-Websocket-Extensions", extension)
	}
	return r
}

// inflate inflates a message, which may repeat those before it.
func (p *peer) inflate(payload []byte) []byte {
	p.t.Helper()
	window := p.window[max(0, len(p.window)-32<<10):]
	message, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(string(payload)+deflateTail), window))
	if err != nil {
		p.t.Fatalf("a message cannot be inflated: %v", err)
	}
	p.window = append(p.window, message...)
	return message
}

// wantCompressed reads the next frame, which must be this, and be compressed or not.
func (p *peer) wantCompressed(compressed bool, op opcode, payload string) {
	p.t.Helper()
	got, err := p.next()
	if err != nil || got.op != op || string(got.payload) != payload || p.compressed != compressed {
		p.t.Fatalf("got frame %x %.80q, compressed %t, %v, want %x %.80q", got.op, got.payload, p.compressed, err, op, payload)
	}
}

// deflated compresses a message as a client does. With level 0 it is only packed.
func deflated(t testing.TB, message string, level int) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, message); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), deflateTail[:4])
}

// TestNegotiation checks the answer to what a client offers, and that a client gets what was agreed on.
func TestNegotiation(t *testing.T) {
	const yes = "permessage-deflate; client_no_context_takeover"
	for name, test := range map[string]struct {
		shared *Compression
		offers []string
		want   string
	}{
		"not enabled":            {nil, []string{offered}, ""},
		"nothing is offered":     {NewCompression(0), nil, ""},
		"another is offered":     {NewCompression(0), []string{"x-webkit-deflate-frame"}, ""},
		"as Chromium offers":     {NewCompression(0), []string{offered}, yes},
		"in the second header":   {NewCompression(0), []string{"x-other", offered}, yes},
		"a narrow window":        {NewCompression(0), []string{"permessage-deflate; server_max_window_bits=10"}, ""},
		"each message by itself": {NewCompression(0), []string{"permessage-deflate; server_no_context_takeover"}, yes + "; server_no_context_takeover"},
	} {
		t.Run(name, func(t *testing.T) {
			s, header := testSettings(), http.Header{}
			s.Compression = test.shared
			server, client := newPipe(bufferSize)
			c, err := Accept(&takeover{header: header, conn: server}, requestThatOffers(test.offers...), s, metrics.New(prometheus.NewRegistry(), metrics.Build{}))
			if err != nil {
				t.Fatal(err)
			}
			if got := header.Get("Sec-Websocket-Extensions"); got != test.want || (c.extension != nil) != (got != "") {
				t.Errorf("the answer is %q, want %q", got, test.want)
			}
			_, _ = server.Close(), client.Close()
		})
	}
}

// longText returns text that becomes shorter.
func longText(i int) string {
	return fmt.Sprintf(`{"number":%d,"text":%q}`, i, strings.Repeat("what is repeated ", 40))
}

// TestRecordsAreCompressed has records of all lengths, which come with a ping between them.
func TestRecordsAreCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := acceptCompressed(t, quietSettings(), 512, bufferSize)
		k := newConsumer(0)
		over := serveOut(c, outOptions(k))
		length := 0
		for i := range 100 {
			value := longText(i)
			if i%3 == 0 {
				value = "short"
			}
			k.polls <- []proxy.Record{{Offset: int64(i), Value: []byte(value)}}
			got := p.nextRecord()
			if !strings.Contains(string(got.payload), strings.ReplaceAll(value, `"`, `\"`)) || p.compressed != (i%3 != 0) {
				t.Fatalf("record %d comes as %.200q, compressed %t", i, got.payload, p.compressed)
			}
			length += len(got.payload)
		}
		p.sendClose(1000, "")
		_ = p.Close()
		<-over
		if sent := int(m.value("bytes_sent_total")); sent > length/5 {
			t.Errorf("%d bytes were sent for %d", sent, length)
		}
	})
}

// nextRecord returns the next record, and answers the pings before it.
func (p *peer) nextRecord() received {
	p.t.Helper()
	for {
		got, err := p.next()
		if err != nil {
			p.t.Fatal(err)
		}
		if got.op != opPing {
			return got
		}
		p.send(opPong, string(got.payload))
	}
}

// TestAWriteOfCompressedRecordsIsBounded sends records that become very short: no more of them come together
// than without compression, so that pings need not wait for them.
func TestAWriteOfCompressedRecordsIsBounded(t *testing.T) {
	c, _, _ := acceptCompressed(t, quietSettings(), 0, bufferSize)
	var dst []byte
	written := 0
	for written = 0; c.extension.filled(dst) < fillSize; written++ {
		begun, mark := beginFrame(dst)
		dst = c.extension.endMessage(append(begun, make([]byte, fillSize/10)...), mark, opBinary)
	}
	if written > 10 || len(dst) > fillSize/10 {
		t.Errorf("%d messages are in %d bytes", written, len(dst))
	}
	if c.extension.beginWrite(); c.extension.filled(nil) != 0 {
		t.Error("the next write begins with something")
	}
}

// TestAnswersAreCompressed checks which of the messages that /socket/in sends are: arrays that come whole,
// and never what answers credentials.
func TestAnswersAreCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := acceptCompressed(t, quietSettings(), 20, bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		over := serveIn(c, inOptions(ackAtOnce()))
		array := "[" + strings.Repeat(produce("id", "v")+",", 20) + produce("id", "v") + "]"
		for range 3 {
			p.send(opText, array)
			if got, err := p.next(); err != nil || !p.compressed || strings.Count(string(got.payload), `"id"`) != 21 {
				t.Fatalf("an array is answered by %.200q, compressed %t, %v", got.payload, p.compressed, err)
			}
			p.send(opText, renewGood)
			p.wantCompressed(false, opText, renewed)
			p.send(opText, `{"auth":{"token":"unknown"}}`)
			if got, err := p.next(); err != nil || p.compressed || !strings.Contains(string(got.payload), "OVERLOADED") {
				t.Fatalf("a renewal is answered by %.200q, compressed %t, %v", got.payload, p.compressed, err)
			}
		}
		p.send(opText, produce(strings.Repeat("x", 200), "v"))
		if got, err := p.next(); err != nil || !p.compressed {
			t.Fatalf("a long id is answered by %.200q, compressed %t, %v", got.payload, p.compressed, err)
		}
		c.SendText([]byte(longText(1)))
		p.wantCompressed(false, opText, longText(1))
		window := len(p.window)
		c.End(EndWith(proxy.Errorf(proxy.KindTopicNotFound, "%s", longText(2)), time.Second))
		if before, _ := p.wantClose(proxy.CloseTopicNotFound); len(before) != 1 || len(p.window) != window {
			t.Errorf("got %v before the close frame", before)
		}
		_ = p.Close()
		<-over
	})
}

// TestAnswersInFragmentsAreNotCompressed sends an array whose answer is too long for one write, and then one
// whose answer is compressed.
func TestAnswersInFragmentsAreNotCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := acceptCompressed(t, quietSettings(), 100, 8<<20)
		options := inOptions(ackAtOnce())
		options.MaxInFlight = 5000
		over := serveIn(c, options)
		for range 2 {
			p.send(opText, "["+strings.Repeat("1,", 1999)+"1]")
			if _, fragments, between := p.inFragments(); fragments < 2 || len(between) > 0 || len(p.window) > 10_000 {
				t.Errorf("it comes in %d fragments, with %v between them", fragments, between)
			}
			p.send(opText, "["+strings.Repeat("1,", 19)+"1]")
			if got, err := p.next(); err != nil || !p.compressed || strings.Count(string(got.payload), "INVALID_MESSAGE") != 20 {
				t.Errorf("an array is answered by %.200q, compressed %t, %v", got.payload, p.compressed, err)
			}
		}
		_ = p.Close()
		<-over
	})
}

// TestBinaryAnswersAreCompressed has the answers under Avro.
func TestBinaryAnswersAreCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := acceptCompressed(t, quietSettings(), 20, bufferSize)
		o := inOptions(ackAtOnce())
		o.Codec = binaryIn{codec.NewJSONIn(codec.InSettings{Topic: "t"})}
		over := serveIn(c, o)
		p.send(opBinary, produce(strings.Repeat("x", 200), "v"))
		if got, err := p.next(); err != nil || !p.compressed || got.op != opBinary {
			t.Errorf("it is answered by %x %.200q, compressed %t, %v", got.op, got.payload, p.compressed, err)
		}
		_ = p.Close()
		<-over
	})
}

// TestCompressedMessagesInAnyOrder ends messages of all kinds and lengths, and has a client read them.
func TestCompressedMessagesInAnyOrder(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		c, p, _ := acceptCompressed(t, quietSettings(), int64(r.IntN(300)), 64<<20)
		var dst []byte
		var want []received
		for range 30 {
			payload := randomPayload(r)
			op := []opcode{opText, opBinary}[r.IntN(2)]
			begun, mark := beginFrame(dst)
			dst = c.extension.endMessage(append(begun, payload...), mark, op)
			want = append(want, received{op: op, payload: []byte(payload)})
			if r.IntN(5) == 0 {
				dst = appendFrame(dst, opPing, []byte("ping"))
				want = append(want, received{op: opPing, payload: []byte("ping")})
			}
		}
		if err := c.write(dst); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			p.want(w.op, string(w.payload))
		}
		_, _ = c.raw.Close(), p.Close()
	}
}

// randomPayload returns text or noise, short or long, which may resemble others.
func randomPayload(r *rand.Rand) string {
	switch n := r.IntN(1 << r.IntN(18)); r.IntN(3) {
	case 0:
		return strings.Repeat("aé", n)[:n/2*3]
	case 1:
		return longText(n)
	default:
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = 'a' + byte(r.IntN(26))
		}
		return string(noise)
	}
}
