package feed

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/deflate"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestPeersInflateWhatTheyAreSent has peers with windows of all kinds read rings in order and not, join and jump while the
// rings grow and drop, and inflate what they are given.
func TestPeersInflateWhatTheyAreSent(t *testing.T) { runAllPeers(t, 6) }

// TestLongPeersInflateWhatTheyAreSent runs more of them.
func TestLongPeersInflateWhatTheyAreSent(t *testing.T) { runAllPeers(t, 50) }

func runAllPeers(t *testing.T, seeds uint64) {
	t.Helper()
	received, repeated := 0, 0
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 8))
		m := runPeers(t, random.IntN, 300)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
		for _, p := range m.peers {
			received, repeated = received+p.received, repeated+p.repeated
		}
	}
	if t.Logf("%d frames were compressed, %d of them with others before them", received, repeated); repeated < received/10 {
		t.Error("the test shows little")
	}
}

// FuzzPeers is the same, of what the input chooses.
func FuzzPeers(f *testing.F) {
	f.Add([]byte("a reader joins, a ring grows, another reader jumps"))
	f.Add(bytes.Repeat([]byte{1, 0, 9, 4, 7, 3}, 100))
	f.Fuzz(func(t *testing.T, input []byte) {
		runPeers(t, func(n int) int {
			if len(input) == 0 {
				return 0
			}
			chosen := int(input[0]) % n
			input = input[1:]
			return chosen
		}, min(len(input), 400))
	})
}

// deflating is a Compressor whose frames begin with P, or with C and the length of the text. It counts how often it is
// asked for one.
type deflating struct {
	deflaters *deflate.Deflaters
	least     int
	asked     map[string]int
}

func (d *deflating) Reach() int { return deflate.HistorySize }

func (d *deflating) Text(frame []byte) []byte {
	if text := frame[1:]; len(text) >= d.least {
		return text
	}
	return nil
}

func (d *deflating) AppendCompressed(dst, before, frame []byte) []byte {
	d.asked[string(frame)]++
	dst = binary.BigEndian.AppendUint32(append(dst, 'C'), uint32(len(frame)-1))
	return d.deflaters.AppendShared(dst, before, frame[1:])
}

// inflating is the other side of a connection.
type inflating struct {
	window   []byte // what was sent compressed
	size     int    // how much of that the peer keeps
	keeps    bool
	stream   io.Reader
	received int // compressed frames
	repeated int // those that need others before them, of some
}

// text returns the text of a frame.
func (p *inflating) text(frame []byte) ([]byte, error) {
	if frame[0] == 'P' {
		return frame[1:], nil
	}
	length := int(binary.BigEndian.Uint32(frame[1:]))
	if p.size == 0 || length > p.size {
		return nil, fmt.Errorf("a text of %d bytes is compressed for a window of %d", length, p.size)
	}
	p.received++
	dictionary := p.window[max(0, len(p.window)-min(32<<10, p.size-length)):]
	if !p.keeps {
		dictionary = nil
	}
	text, err := p.inflate(frame[5:], dictionary)
	if err != nil {
		return nil, err
	}
	if p.received%8 == 0 {
		if _, err := p.inflate(frame[5:], nil); err != nil {
			p.repeated += 8
		}
	}
	p.window = append(p.window, text...)
	return text, nil
}

// inflate inflates a payload with what it may repeat.
func (p *inflating) inflate(payload, dictionary []byte) ([]byte, error) {
	const ending = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"
	source := strings.NewReader(string(payload) + ending)
	if again, has := p.stream.(flate.Resetter); !has {
		p.stream = flate.NewReaderDict(source, dictionary)
	} else if err := again.Reset(source, dictionary); err != nil {
		return nil, err
	}
	return io.ReadAll(p.stream)
}

// peers are connections, and the rings that they read.
type peers struct {
	t          *testing.T
	choose     func(n int) int
	compressor *deflating
	rings      []*ring
	texts      [][]string // those of each ring, by their offsets
	peers      []*modelPeer
}

// modelPeer is a connection. It has a tail of each ring.
type modelPeer struct {
	inflating

	sends *Window
	spots []spot
}

func runPeers(t *testing.T, choose func(n int) int, steps int) *peers {
	t.Helper()
	m := &peers{t: t, choose: choose, compressor: &deflating{deflate.NewDeflaters(), 64, map[string]int{}}}
	shared := newMemory(&Options{RingBytes: int64(20_000 + choose(80)*1000), Compressor: m.compressor})
	for range 1 + choose(2) {
		m.rings = append(m.rings, newRing(shared, 500+choose(100)*200, proxy.Places{0: {}}, func(dst []byte, r *proxy.Record) []byte {
			return append(append(dst, 'P'), r.Value...)
		}))
		m.texts = append(m.texts, nil)
	}
	for range steps {
		m.step()
	}
	for frame, asked := range m.compressor.asked {
		if asked > 2 {
			t.Errorf("a frame of %d bytes was compressed %d times", len(frame), asked)
		}
	}
	m.checkHeld(shared)
	return m
}

func (m *peers) step() {
	which := m.choose(len(m.rings))
	switch what := m.choose(8); {
	case what < 2:
		m.grow(which)
	case what == 2 && len(m.peers) < 6:
		m.open()
	case what == 3 && m.choose(20) == 0:
		m.rings[which].restart(m.rings[which].places())
	case len(m.peers) > 0:
		m.advance(m.peers[m.choose(len(m.peers))], which)
	}
}

// grow appends records.
func (m *peers) grow(which int) {
	var records []proxy.Record
	next := int64(len(m.texts[which]))
	for range 1 + m.choose(12) {
		text := m.text(len(m.texts[which]))
		m.texts[which] = append(m.texts[which], text)
		records = append(records, proxy.Record{Offset: next, Value: []byte(text)})
		next++
	}
	m.rings[which].append(records, make([]key, len(records)), proxy.Places{0: {Offset: next}})
}

// text returns the text of a record, which begins with its number.
func (m *peers) text(number int) string {
	sizes := []int{0, 20, 50, 120, 200, 276, 276, 276, 276, 600, 2000, 4100, 9000}
	size := sizes[m.choose(len(sizes))] + m.choose(20)
	if m.choose(200) == 199 {
		size = 40_000
	}
	text := strconv.Itoa(number)
	if m.choose(4) == 0 {
		noise := rand.NewChaCha8([32]byte{byte(number), byte(m.choose(256))})
		b := make([]byte, size)
		_, _ = noise.Read(b)
		return text + " " + string(b)
	}
	for len(text) < size {
		text += fmt.Sprintf(` {"device":%d,"celsius":%d,"status":"ok"}`, m.choose(100), m.choose(200))
	}
	return text + " "
}

func (m *peers) open() {
	p := &modelPeer{sends: &Window{}}
	p.size, p.keeps = []int{0, 4 << 10, 8 << 10, math.MaxInt, math.MaxInt, math.MaxInt}[m.choose(6)], m.choose(4) > 0
	p.sends.Open(p.size, p.keeps)
	for _, r := range m.rings {
		p.spots = append(p.spots, r.end())
	}
	m.peers = append(m.peers, p)
}

// advance has a peer be given frames of a ring: mostly of those that come next, or of some alone.
func (m *peers) advance(p *modelPeer, which int) {
	r, s := m.rings[which], &p.spots[which]
	take := func(frame []byte) bool {
		m.check(p, which, frame)
		return m.choose(10) > 0
	}
	end := goesOn
	switch m.choose(12) {
	case 0:
		*s = r.end()
	case 1:
		if !s.isDone() {
			s.read++ // a record that is left out
		}
	case 2, 3:
		at := location{r.first + uint64(m.choose(len(r.chunks)+1)), 0}
		if at.chunk < r.first+uint64(len(r.chunks)) {
			at.record = m.choose(len(r.chunks[at.chunk-r.first].offsets))
		}
		w := p.sends.forTail(m.choose(2) == 0)
		end = m.insist(r, w, func() (location, takeEnd) {
			_, end := r.readAt(at, s, w, take)
			return at, end
		})
	default:
		if m.choose(8) == 0 {
			*s = m.likeOther(p, which)
		}
		w := p.sends.forTail(true)
		end = m.insist(r, w, func() (location, takeEnd) {
			_, end := r.read(s, 1+m.choose(30), w, take)
			return location{s.chunk, s.read}, end
		})
	}
	if end == dropped {
		*s = r.end()
	}
}

// insist reads a ring until no form is missing: each one that is, is made once.
func (m *peers) insist(r *ring, w *Window, read func() (location, takeEnd)) takeEnd {
	for last := (location{1 << 63, 0}); ; {
		at, end := read()
		if end != lacksForm {
			return end
		}
		if at == last {
			m.t.Fatal("the form of a record is missing although it was made")
		}
		last = at
		r.compress(at, *w)
	}
}

// likeOther returns the spot of a ring that has the numbers of where a peer is in another one, if there is one.
func (m *peers) likeOther(p *modelPeer, which int) spot {
	r, other := m.rings[which], p.spots[(which+1)%len(m.rings)]
	if other.chunk < r.first || other.chunk >= r.first+uint64(len(r.chunks)) {
		return r.end()
	}
	x := r.chunks[other.chunk-r.first].index
	return spot{chunk: other.chunk, index: x, read: min(other.read, len(x.offsets))}
}

// check has a peer inflate a frame of a ring.
func (m *peers) check(p *modelPeer, which int, frame []byte) {
	m.t.Helper()
	text, err := p.text(frame)
	if err != nil {
		m.t.Fatalf("a peer with a window of %d bytes cannot inflate a frame: %v", p.size, err)
	}
	number, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || n >= len(m.texts[which]) || m.texts[which][n] != string(text) {
		m.t.Fatalf("a peer with a window of %d bytes inflates %.100q", p.size, text)
	}
}

// checkHeld compares what is held with what is counted.
func (m *peers) checkHeld(shared *memory) {
	held := int64(0)
	for _, r := range m.rings {
		sum := int64(0)
		for i := range r.chunks {
			c := &r.chunks[i]
			sum += int64(len(c.frames)+len(c.compressed)) + formBytes*int64(len(c.forms))
		}
		if r.held != sum {
			m.t.Errorf("a ring holds %d bytes, and counts %d", sum, r.held)
		}
		held += sum
	}
	if shared.held.Load() != held {
		m.t.Errorf("the rings hold %d bytes, and %d are counted", held, shared.held.Load())
	}
}
