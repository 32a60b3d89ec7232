package socket

import (
	"io"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

const (
	// idleBuffer is how many bytes an idle connection has room for. It holds any control frame, and short
	// messages.
	idleBuffer = 512
	// busyBuffer is how many bytes a connection reads at once while they flow.
	busyBuffer = 32 << 10
)

// Buffers are the read buffers of busy connections. The zero value is ready for use, a nil *Buffers keeps none.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) get() *[busyBuffer]byte {
	if b != nil {
		if buf, ok := b.pool.Get().(*[busyBuffer]byte); ok {
			return buf
		}
	}
	return new([busyBuffer]byte)
}

func (b *Buffers) put(buf *[busyBuffer]byte) {
	if b != nil {
		b.pool.Put(buf)
	}
}

// inbound holds the bytes of a peer that have arrived and are not consumed yet. A connection that waits for
// bytes has the small buffer: it takes a large one, which is charged to the memory budget, only when a read
// has filled the small one or a frame does not fit it, and gives it back when a read has not filled it.
// So a busy connection reads each time a few bytes, then many.
type inbound struct {
	buffers *Buffers
	budget  *budget.Budget

	small [idleBuffer]byte
	large *[busyBuffer]byte // nil while small is used
	start int               // what has arrived lies from start to end
	end   int
	full  bool // whether the last read filled the buffer
}

func (in *inbound) buffer() []byte {
	if in.large != nil {
		return in.large[:]
	}
	return in.small[:]
}

// bytes returns what has arrived. It is valid until the next call of readFrom or fits.
func (in *inbound) bytes() []byte { return in.buffer()[in.start:in.end] }

// take consumes n bytes that have arrived, and returns them.
func (in *inbound) take(n int) []byte {
	in.start += n
	return in.buffer()[in.start-n : in.start : in.start]
}

// put adds bytes that came with the handshake, which are fewer than busyBuffer.
func (in *inbound) put(p []byte) {
	if len(p) > idleBuffer {
		in.enlarge()
	}
	in.end += copy(in.buffer()[in.end:], p)
}

// readFrom waits for more bytes. There must be room for some: fits makes it.
func (in *inbound) readFrom(r io.Reader) error {
	if in.start == in.end {
		in.start, in.end = 0, 0
	}
	room := in.buffer()[in.end:]
	n, err := r.Read(room)
	in.end += n
	in.full = n == len(room)
	if n > 0 {
		return nil // an error beside bytes is returned again by the next read
	}
	return err //nolint:wrapcheck // only that the connection is cut matters
}

// choose chooses the buffer for the next frame, of which some bytes may have arrived.
func (in *inbound) choose() {
	switch {
	case in.full && !in.budget.IsTight():
		in.enlarge()
	case !in.full && in.start == in.end:
		in.shrink()
	}
}

// fits makes room for n bytes from start on. It returns false if they are more than a buffer holds, or if
// memory is scarce.
func (in *inbound) fits(n int) bool {
	if in.start+n <= len(in.buffer()) {
		return true
	}
	if n > len(in.buffer()) {
		if n > busyBuffer || in.budget.IsTight() {
			return false
		}
		in.enlarge()
	}
	in.end = copy(in.buffer(), in.bytes())
	in.start = 0
	return true
}

func (in *inbound) enlarge() {
	if in.large != nil {
		return
	}
	in.budget.Charge(budget.Receiving, busyBuffer)
	large := in.buffers.get()
	in.end = copy(large[:], in.bytes())
	in.start, in.large = 0, large
}

// shrink gives the large buffer back. Nothing may be in it.
func (in *inbound) shrink() {
	if in.large == nil {
		return
	}
	in.buffers.put(in.large)
	in.large, in.start, in.end = nil, 0, 0
	in.budget.Release(budget.Receiving, busyBuffer)
}
