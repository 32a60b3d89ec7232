package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// conversation is a connection's Compressor with what it has sent compressed.
type conversation struct {
	*Compressor
	payloads, messages [][]byte
}

func newConversation(p Params) *conversation {
	return &conversation{Compressor: NewDeflaters().NewCompressor(p)}
}

// send compresses a message, and tells whether it became shorter. It also checks that a message that does
// not leaves the Compressor as it was.
func (c *conversation) send(t testing.TB, message []byte) bool {
	t.Helper()
	before := bytes.Clone(c.history)
	dst := append([]byte("before "), message...)
	out, ok := c.AppendCompressed(dst, dst[len("before "):])
	payload, found := bytes.CutPrefix(out, append([]byte("before "), message...))
	if !found {
		t.Fatalf("the buffer begins with %q", out)
	}
	if !ok {
		if len(payload) > 0 || !bytes.Equal(c.history, before) {
			t.Fatalf("a message of %d bytes that is not compressed leaves %d bytes, or a history of its own", len(message), len(payload))
		}
		return false
	}
	if len(payload) >= len(message) {
		t.Fatalf("a message of %d bytes becomes %d", len(message), len(payload))
	}
	c.payloads, c.messages = append(c.payloads, bytes.Clone(payload)), append(c.messages, bytes.Clone(message))
	return true
}

// check inflates all that was sent in two ways: as one stream, as a client with context takeover does, and
// each message on its own with what came before as its dictionary, which shows where each of them ends.
func (c *conversation) check(t testing.TB) {
	t.Helper()
	got, err := io.ReadAll(flate.NewReader(strings.NewReader(string(bytes.Join(c.payloads, []byte(tail))) + ending)))
	want := bytes.Join(c.messages, nil)
	if len(c.payloads) > 0 && (err != nil || !bytes.Equal(got, want)) {
		t.Fatalf("a client inflates %d bytes of %d: %v", len(got), len(want), err)
	}
	begin := 0
	for i, payload := range c.payloads {
		width := 32 << 10
		if c.longest < width {
			width = c.longest + HistorySize
		}
		window := want[max(0, begin-width):begin]
		if c.independent {
			window = nil
		}
		rest := strings.NewReader(string(payload) + ending)
		got, err := io.ReadAll(flate.NewReaderDict(rest, window))
		if err != nil || !bytes.Equal(got, c.messages[i]) || rest.Len() > 0 {
			t.Fatalf("message %d of %d bytes becomes %d bytes: %v", i, len(c.messages[i]), len(got), err)
		}
		begin += len(c.messages[i])
	}
}

// TestCompressor sends messages of many kinds and lengths.
func TestCompressor(t *testing.T) {
	frames := newGenerator(1)
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 200_000)
	if _, err := random.Read(noise); err != nil {
		t.Fatal(err)
	}
	letters := []byte(base64.StdEncoding.EncodeToString(noise[:1125]))
	var long []byte
	for len(long) < 1<<20 {
		long = append(long, frames.order()...)
	}
	for _, test := range []struct {
		name     string
		messages [][]byte
		sent     string // y for each that is sent compressed
	}{
		{"empty messages", [][]byte{nil, {}, nil}, "nnn"},
		{"short ones", [][]byte{[]byte("a"), []byte("ab"), []byte("Hello"), []byte("{}")}, "nnnn"},
		{"short and long ones", [][]byte{frames.reading(), frames.reading()[:127], frames.reading()[:128], frames.reading()}, "ynyy"},
		{"records", [][]byte{frames.reading(), frames.reading(), frames.order(), frames.reading()}, "yyyy"},
		{"noise among records", [][]byte{frames.reading(), noise[:276], frames.reading(), noise[:100_000], frames.reading()}, "ynyny"},
		{"noise again and again", [][]byte{noise[:276], noise[:276], noise[:276]}, "nnn"},
		{"random base64", [][]byte{letters[:300], letters[:300], letters[300:], letters[:300]}, "nnnn"},
		{"records of random base64", [][]byte{
			frames.frame("1", string(letters[:200])), frames.frame("2", string(letters[200:400])), frames.frame("3", string(letters[400:600])),
		}, "yyy"},
		{"long ones", [][]byte{long, frames.reading(), long[5:], long[:100_000], frames.reading()}, "yyyyy"},
		{"long noise behind text", [][]byte{long, noise, append(bytes.Clone(long[:50_000]), noise...), long}, "ynyy"},
		{"zeros", [][]byte{make([]byte, 259), make([]byte, 258), make([]byte, 70_000), make([]byte, 1<<20), make([]byte, 4)}, "yyyyn"},
		{"all bytes", [][]byte{[]byte(strings.Repeat("\x00\x8f\x90\xff", 100)), bytes.Repeat(noise[:256], 20)}, "yy"},
	} {
		for _, params := range []Params{{}, {NoContextTakeover: true}} {
			t.Run(fmt.Sprintf("%s/%t", test.name, params.NoContextTakeover), func(t *testing.T) {
				c, sent := newConversation(params), ""
				for _, message := range test.messages {
					if c.send(t, message) {
						sent += "y"
					} else {
						sent += "n"
					}
				}
				if sent != test.sent && !params.NoContextTakeover {
					t.Errorf("compressed are %s, want %s", sent, test.sent)
				}
				c.check(t)
			})
		}
	}
}

// TestEveryLength sends messages of each length around the bounds of blocks and codes.
func TestEveryLength(t *testing.T) {
	var text []byte
	for g := newGenerator(7); len(text) < 80_000; {
		text = append(text, g.order()...)
	}
	for _, around := range []int{10, 258, 2 * 258, 128, HistorySize, 32_767, 65_535} {
		c, zeros := newConversation(Params{}), newConversation(Params{})
		for n := max(around-10, 0); n < around+10; n++ {
			c.send(t, text[:n])
			zeros.send(t, make([]byte, n))
		}
		c.check(t)
		zeros.check(t)
	}
}

// TestNarrowWindows has zlib inflate with the windows that were agreed on, which it refuses to look beyond.
func TestNarrowWindows(t *testing.T) {
	for bits := leastWindowBits; bits < widestWindowBits; bits++ {
		for _, independent := range []bool{false, true} {
			c, g := newConversation(Params{WindowBits: bits, NoContextTakeover: independent}), newGenerator(uint64(bits))
			for i := range 30 {
				c.send(t, g.reading())
				c.send(t, bytes.Repeat(g.order(), i))
				c.send(t, append(make([]byte, i*100), g.order()...))
			}
			c.check(t)
			c.checkByZlib(t, bits)
		}
	}
}

// TestWithoutContext checks that each message can be inflated on its own.
func TestWithoutContext(t *testing.T) {
	c, g, i := newConversation(Params{NoContextTakeover: true}), newGenerator(1), NewInflaters()
	for range 10 {
		c.send(t, g.reading())
		c.send(t, g.order())
	}
	for n, payload := range c.payloads {
		if got, err := i.AppendInflated(nil, payload, 1<<20); err != nil || !bytes.Equal(got, c.messages[n]) {
			t.Errorf("message %d becomes %q: %v", n, got, err)
		}
	}
	if c.history != nil {
		t.Errorf("it keeps %d bytes", len(c.history))
	}
}

// TestMemory checks what a Compressor keeps.
func TestMemory(t *testing.T) {
	g := newGenerator(1)
	c := newConversation(Params{})
	for range 100 {
		c.send(t, g.reading())
		c.send(t, bytes.Repeat(g.order(), 20))
	}
	if len(c.history) != HistorySize || cap(c.history) != HistorySize {
		t.Errorf("it keeps %d bytes, in %d", len(c.history), cap(c.history))
	}
}

// TestAllocations checks that nothing is allocated for a message after the first. It does without the pools,
// which forget at random under the race detector.
func TestAllocations(t *testing.T) {
	g := newGenerator(1)
	history, dst := g.order(), []byte(nil)
	var e encoder
	for _, message := range [][]byte{g.reading(), g.order(), bytes.Repeat(g.order(), 50)} {
		if n := testing.AllocsPerRun(100, func() {
			var err error
			if dst, err = e.appendMessage(dst[:0], history, message); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v allocations for a message of %d bytes", n, len(message))
		}
	}
}

// FuzzCompress sends messages that the input describes, repeated so that some are long, and checks that a
// client inflates them. A message that begins with an odd byte is sent uncompressed.
func FuzzCompress(f *testing.F) {
	g, shared := newGenerator(3), NewDeflaters()
	f.Add(bytes.Join([][]byte{g.reading(), g.reading(), g.order()}, []byte{0}), uint8(0), uint16(1), false)
	f.Add([]byte("aaaa\x00aaaaaaaaaaaaaa\x00\x00aaaabaaaab"), uint8(0), uint16(1), true)
	f.Add([]byte("\x01\x02\x03\x04 the same again the same again"), uint8(' '), uint16(3000), false)
	f.Fuzz(func(t *testing.T, input []byte, separator uint8, repeat uint16, independent bool) {
		c := &conversation{Compressor: shared.NewCompressor(Params{NoContextTakeover: independent})}
		for _, message := range bytes.SplitN(input, []byte{separator}, 20) {
			if len(message) > 0 && message[0]%2 == 1 {
				continue
			}
			if len(message)*int(repeat) < 20_000 {
				message = bytes.Repeat(message, int(repeat))
			}
			c.send(t, message)
		}
		c.check(t)
	})
}
