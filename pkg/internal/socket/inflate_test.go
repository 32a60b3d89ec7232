package socket

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestReadCompressed(t *testing.T) {
	const limit = 100_000
	frame := clientFrame
	long, noise := strings.Repeat("x", limit), noiseOf(limit)
	hello := deflated(t, "hello", 6)
	for name, test := range map[string]struct {
		wire    []byte
		want    []message
		payload int // what counts as received
	}{
		"text":                {frame(0xC1, hello), []message{{true, "hello"}}, len(hello)},
		"binary":              {frame(0xC2, deflated(t, "\xff\x00", 6)), []message{{false, "\xff\x00"}}, len(deflated(t, "\xff\x00", 6))},
		"empty":               {frame(0xC1, "\x00"), []message{{true, ""}}, 1},
		"a final block":       {frame(0xC1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), []message{{true, "Hello"}}, 8},
		"among others":        {slices.Concat(frame(0x81, "a"), frame(0xC1, hello), frame(0x82, "b"), frame(0xC1, hello)), []message{{true, "a"}, {true, "hello"}, {false, "b"}, {true, "hello"}}, 2 + 2*len(hello)},
		"fragments":           {slices.Concat(frame(0x41, hello[:2]), frame(0x00, ""), frame(0x8A, "unasked"), frame(0x80, hello[2:])), []message{{true, "hello"}}, len(hello)},
		"no octet at first":   {slices.Concat(frame(0x41, ""), frame(0x80, hello)), []message{{true, "hello"}}, len(hello)},
		"exactly the limit":   {frame(0xC2, deflated(t, long, 6)), []message{{false, long}}, len(deflated(t, long, 6))},
		"noise of the limit":  {frame(0xC2, deflated(t, noise, 0)), []message{{false, noise}}, len(deflated(t, noise, 0))},
		"long, then short":    {slices.Concat(frame(0xC2, deflated(t, long, 6)), frame(0xC1, hello), frame(0x81, "x")), []message{{false, long}, {true, "hello"}, {true, "x"}}, len(deflated(t, long, 6)) + len(hello) + 1},
		"around what is free": {slices.Concat(frame(0xC2, deflated(t, long[:keptMessageBuffer-1], 6)), frame(0xC2, deflated(t, long[:keptMessageBuffer], 6))), []message{{false, long[:keptMessageBuffer-1]}, {false, long[:keptMessageBuffer]}}, len(deflated(t, long[:keptMessageBuffer-1], 6)) + len(deflated(t, long[:keptMessageBuffer], 6))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := testSettings()
				settings.MaxMessageBytes = limit
				settings.Budget = budget.New(1 << 30)
				c, p, m := acceptCompressed(t, settings, 0, 2*bufferSize)
				r := serve(c, &script{}, nil)
				_, _ = p.Write(test.wire)
				p.sendClose(1000, "bye")
				p.wantClose(proxy.CloseNormal)
				<-r.over
				if got := r.got(); !slices.Equal(got, test.want) {
					t.Errorf("got %.200v, want %.200v", got, test.want)
				}
				m.want("bytes_received_total", float64(test.payload))
				wantBudget(t, settings.Budget, budget.Receiving, 0)
			})
		})
	}
}

// noiseOf returns n bytes that do not become shorter.
func noiseOf(n int) string {
	random := rand.New(rand.NewPCG(1, 1))
	noise := make([]byte, n)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	return string(noise)
}

// TestReadRefusesCompressed sends what a client must not send that has negotiated compression.
func TestReadRefusesCompressed(t *testing.T) {
	const limit = 20_000
	frame := clientFrame
	hello := deflated(t, "hello", 6)
	for name, test := range map[string]struct {
		wire []byte
		code proxy.CloseCode
	}{
		"text that is not UTF-8":               {frame(0xC1, deflated(t, "a\xff", 6)), proxy.CloseInvalidPayload},
		"garbage":                              {frame(0xC1, "\xff\xff\xff"), proxy.CloseInvalidPayload},
		"garbage behind much":                  {frame(0xC1, deflated(t, strings.Repeat("x", limit/2), 6)+"\xff\xff"), proxy.CloseInvalidPayload},
		"no payload":                           {frame(0xC1, ""), proxy.CloseInvalidPayload},
		"a message that breaks off":            {frame(0xC1, hello[:3]), proxy.CloseInvalidPayload},
		"what the message before has":          {slices.Concat(frame(0xC1, hello), frame(0xC1, "\xf2\x00\x11\x00\x00")), proxy.CloseInvalidPayload},
		"one byte over the limit":              {frame(0xC2, deflated(t, strings.Repeat("x", limit+1), 6)), proxy.CloseMessageTooBig},
		"a bomb":                               {frame(0xC2, deflated(t, strings.Repeat("x", 1000*limit), 6)), proxy.CloseMessageTooBig},
		"noise over the limit":                 {frame(0xC2, deflated(t, noiseOf(limit+1), 0)), proxy.CloseMessageTooBig},
		"a payload over the limit":             {frame(0xC2, deflated(t, noiseOf(2*limit), 0)), proxy.CloseMessageTooBig},
		"a payload over the limit, in parts":   {slices.Concat(frame(0x42, noiseOf(limit)), frame(0x80, noiseOf(limit))), proxy.CloseMessageTooBig},
		"a compressed continuation":            {slices.Concat(frame(0x41, hello[:2]), frame(0xC0, hello[2:])), proxy.CloseProtocolError},
		"a continuation alone is compressed":   {slices.Concat(frame(0x01, "a"), frame(0xC0, hello)), proxy.CloseProtocolError},
		"a compressed ping":                    {frame(0xC9, "\x00"), proxy.CloseProtocolError},
		"a compressed pong":                    {frame(0xCA, "\x00"), proxy.CloseProtocolError},
		"a compressed close frame":             {frame(0xC8, "\x03\xe8"), proxy.CloseProtocolError},
		"an unknown opcode that is compressed": {frame(0xC3, hello), proxy.CloseProtocolError},
		"the second reserved bit":              {frame(0xE1, hello), proxy.CloseProtocolError},
		"the third reserved bit":               {frame(0xD1, hello), proxy.CloseProtocolError},
		"a message within a message":           {slices.Concat(frame(0x41, hello[:2]), frame(0xC1, hello)), proxy.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := testSettings()
				settings.MaxMessageBytes = limit
				settings.Budget = budget.New(1 << 30)
				c, p, _ := acceptCompressed(t, settings, 0, bufferSize)
				r := serve(c, &script{}, nil)
				sent := p.sendBehind("fine", test.wire)
				p.wantClose(test.code)
				<-sent
				if cap(c.message) > keptMessageBuffer || cap(c.extension.message) > keptMessageBuffer {
					t.Error("a long message is kept while the connection closes")
				}
				_ = p.Close()
				<-r.over
				if got := r.got(); len(got) == 0 || got[0] != (message{true, "fine"}) {
					t.Errorf("got %.200v", got)
				}
				wantResult(t, c, test.code)
				wantBudget(t, settings.Budget, budget.Receiving, 0)
			})
		})
	}
}

// TestInflatedMessagesWaitForRoom has the whole memory budget held: a payload of a few bytes whose message
// is long is inflated when there is room for the longest message. A short one does not wait.
func TestInflatedMessagesWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := budgeted(16 << 20)
		b.Charge(budget.Receiving, 12<<20)
		c, p, _ := acceptCompressed(t, s, 0, bufferSize)
		r := serve(c, &script{}, nil)
		short, long := strings.Repeat("x", keptMessageBuffer-1), strings.Repeat("x", 500_000)
		p.sendFrame(0xC2, deflated(t, short, 6))
		p.sendFrame(0xC2, deflated(t, long, 6))
		time.Sleep(time.Hour) // the peer's silence does not count
		synctest.Wait()
		if got := r.got(); !slices.Equal(got, []message{{false, short}}) {
			t.Errorf("%d messages are read without room", len(got))
		}
		if held := cap(c.extension.message); held > keptMessageBuffer {
			t.Errorf("%d bytes are held without room", held)
		}
		b.Release(budget.Receiving, 12<<20)
		synctest.Wait()
		if got := r.got(); !slices.Equal(got, []message{{false, short}, {false, long}}) {
			t.Errorf("%d messages are read with room", len(got))
		}
		wantBudget(t, b, budget.Receiving, 0) // nothing more has come
		if c.extension.message != nil {
			t.Error("the reader keeps a message while it waits")
		}
		_ = p.Close()
		<-r.over
	})
}

// TestInflatedMessagesAreCharged looks while a flow has a long message.
func TestInflatedMessagesAreCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const length = 300_000
		s, b := budgeted(64 << 20)
		c, p, _ := acceptCompressed(t, s, 0, bufferSize)
		var charged []int64
		r := serve(c, &script{}, func() { charged = append(charged, b.Held(budget.Receiving)) })
		p.sendFrame(0xC2, deflated(t, strings.Repeat("x", length), 6))
		synctest.Wait()
		if len(charged) != 1 || charged[0] < copiesWhileRead*length || charged[0] > 2*copiesWhileRead*length {
			t.Errorf("%d bytes are charged for a message of %d", charged, length)
		}
		_ = p.Close()
		<-r.over
	})
}

// TestReadOfAnyMix reads messages that are compressed or not, whole or in fragments, with control frames
// between these, in pieces of any length.
func TestReadOfAnyMix(t *testing.T) {
	shared := NewCompression(0)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 4))
		var wire []byte
		var want []message
		for range 1 + r.IntN(12) {
			m := message{r.IntN(2) == 0, randomPayload(r)}
			want, wire = append(want, m), append(wire, asFrames(t, r, m)...)
		}
		got := readAll(t, shared, &feed{wire: wire, chunk: 1 + len(wire)/1000 + r.IntN(1<<r.IntN(17))})
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: read %d messages, want %d", seed, len(got), len(want))
		}
	}
}

// asFrames returns the frames of a message.
func asFrames(t testing.TB, r *rand.Rand, m message) []byte {
	t.Helper()
	first, payload := byte(opBinary), m.payload
	if m.text {
		first = byte(opText)
	}
	if r.IntN(3) > 0 {
		first, payload = first|compressedBit, deflated(t, payload, r.IntN(10))
	}
	var wire []byte
	for r.IntN(3) == 0 {
		n := r.IntN(len(payload) + 1)
		wire = append(wire, clientFrame(first, payload[:n])...)
		first, payload = byte(opContinuation), payload[n:]
		if r.IntN(3) == 0 {
			wire = append(wire, clientFrame(finalFragment|byte(opPong), "pong")...)
		}
	}
	return append(wire, clientFrame(finalFragment|first, payload)...)
}

// readAll returns the messages of a connection up to its end.
func readAll(t testing.TB, shared *Compression, conn *feed) []message {
	t.Helper()
	settings := testSettings()
	settings.Compression = shared
	c, err := Accept(&takeover{header: http.Header{}, conn: conn}, requestThatOffers(offered), settings, metrics.New(prometheus.NewRegistry(), metrics.Build{}))
	if err != nil {
		t.Fatal(err)
	}
	var got []message
	for {
		text, payload, err := c.Read()
		if err != nil {
			return got
		}
		got = append(got, message{text, string(payload)})
	}
}

// FuzzReadCompressed reads any bytes as frames of a client that has negotiated compression. No message is
// longer than it may be, text is UTF-8, and the pieces in which the bytes come change nothing.
func FuzzReadCompressed(f *testing.F) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 5))
		payload := randomPayload(r)
		wire := asFrames(f, r, message{r.IntN(2) == 0, strings.ToValidUTF8(payload[:min(len(payload), 200)], "")})
		f.Add(wire, uint16(r.IntN(100)))
	}
	shared := NewCompression(0)
	f.Fuzz(func(t *testing.T, wire []byte, chunk uint16) {
		pieces := readAll(t, shared, &feed{wire: slices.Clone(wire), chunk: 1 + int(chunk)})
		whole := readAll(t, shared, &feed{wire: slices.Clone(wire), chunk: max(1, len(wire))})
		if !slices.Equal(pieces, whole) {
			t.Fatalf("in pieces %.200v, together %.200v", pieces, whole)
		}
		for _, m := range whole {
			if int64(len(m.payload)) > testSettings().MaxMessageBytes || m.text && !utf8.ValidString(m.payload) {
				t.Fatalf("read %.200v", m)
			}
		}
	})
}
