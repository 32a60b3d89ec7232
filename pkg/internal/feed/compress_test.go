package feed

import (
	"bytes"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// meanwhile is a Compressor that halves frames, and does something while it compresses the first one.
type meanwhile struct {
	do    func()
	calls int
}

func (*meanwhile) Reach() int { return 100 }

func (*meanwhile) Text(frame []byte) []byte { return frame }

func (m *meanwhile) AppendCompressed(dst, _, frame []byte) []byte {
	if m.calls++; m.calls == 1 {
		m.do()
	}
	return append(dst, frame[len(frame)/2:]...)
}

// TestTheRingGoesOnWhileFramesAreCompressed has it read, grow, drop and begin anew meanwhile.
func TestTheRingGoesOnWhileFramesAreCompressed(t *testing.T) {
	const frame = "a frame of twenty bb"
	for name, test := range map[string]struct {
		limit int64
		do    func(r *ring)
		end   takeEnd
		given int
		asked int
	}{
		"others read": {1 << 20, func(r *ring) {
			s := r.chunkAt(0)
			if given, end := r.read(&s, 10, nil, func(got []byte) bool { return string(got) == frame }); given != 4 || end != goesOn {
				t.Errorf("another one is given %d frames, and then %d", given, end)
			}
		}, goesOn, 4, 4},
		"it grows":           {1 << 20, func(r *ring) { r.append(twenty(4, 2), make([]key, 2), nil) }, goesOn, 6, 6},
		"it drops the chunk": {1 << 20, func(r *ring) { r.append(twenty(4, 2), make([]key, 2), nil); r.drop() }, dropped, 0, 4},
		"it begins anew":     {1 << 20, func(r *ring) { r.restart(proxy.Places{0: {Offset: 9}}) }, dropped, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			m := &meanwhile{}
			r := newRing(newMemory(&Options{RingBytes: test.limit, Compressor: m}), 80, proxy.Places{0: {}}, func(dst []byte, _ *proxy.Record) []byte {
				return append(dst, frame...)
			})
			m.do = func() { test.do(r) }
			r.append(twenty(0, 4), make([]key, 4), nil)
			s, w, given, end := r.chunkAt(0), &Window{}, 0, lacksForm
			w.Open(1<<20, true)
			for end == lacksForm {
				var n int
				if n, end = r.read(&s, 10, w.forTail(true), func(got []byte) bool { return bytes.HasSuffix([]byte(frame), got) }); end == lacksForm {
					r.compress(location{s.chunk, s.read}, *w)
				}
				given += n
			}
			if given != test.given || end != test.end || m.calls != test.asked {
				t.Errorf("got %d frames and then %d, %d were compressed; want %d, %d, %d", given, end, m.calls, test.given, test.end, test.asked)
			}
			r.close()
			if held := r.memory.held.Load(); held != 0 {
				t.Errorf("%d bytes are held when the ring is closed", held)
			}
		})
	}
}

// twenty returns records from an offset on.
func twenty(from int64, count int) (records []proxy.Record) {
	for i := range int64(count) {
		records = append(records, proxy.Record{Offset: from + i})
	}
	return records
}

// chunkAt returns the spot at the begin of a chunk.
func (r *ring) chunkAt(n int) spot { return spot{chunk: r.first + uint64(n), index: r.chunks[n].index} }
