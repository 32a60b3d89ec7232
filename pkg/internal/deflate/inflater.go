package deflate

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/klauspost/compress/flate"
)

// ErrTooLong is what AppendInflated returns if a message is longer than the limit.
var ErrTooLong = errors.New("the message is too long once it is inflated")

// ErrCorrupt is what AppendInflated returns, wrapped, if a message is no DEFLATE data.
var ErrCorrupt = errors.New("the message is not valid DEFLATE data")

// firstGrowth is how many bytes dst grows by at first, if it has less room.
const firstGrowth = 512

// Inflaters inflates messages that were compressed without context takeover. It serves any number of
// connections at the same time, and keeps about 40 KB for as many messages as were inflated at the same
// time, until the garbage collector takes them.
type Inflaters struct{ pool sync.Pool }

// inflater is what inflating one message takes. Nothing of a message stays in it that another one could
// read: each begins with an empty window.
type inflater struct {
	source source
	stream interface {
		io.Reader
		flate.Resetter
	}
}

// NewInflaters returns Inflaters that keep nothing yet.
func NewInflaters() *Inflaters { return new(Inflaters) }

// AppendInflated appends the message whose compressed form is payload, and returns the extended buffer. The
// buffer is lengthened by doubling, and never holds more than limit+1 bytes of the message, so that a small
// payload that inflates to gigabytes costs no more than the longest message that is allowed. limit is in
// bytes.
//
// The error is ErrTooLong or ErrCorrupt, wrapped. What is appended then is of no use. A payload that ends
// within a block is corrupt. Blocks with the BFINAL bit may stand anywhere, as RFC 7692, section 7.2.1
// allows: what follows one begins at the next byte, with an empty window.
func (i *Inflaters) AppendInflated(dst, payload []byte, limit int64) ([]byte, error) {
	f, ok := i.pool.Get().(*inflater)
	if !ok {
		f = new(inflater)
	}
	f.source.reset(payload)
	dst, err := f.appendMessage(dst, endOf(dst, limit))
	f.source.reset(nil) // lest the pool keeps the payload alive
	i.pool.Put(f)
	return dst, err
}

// endOf returns how long dst may become.
func endOf(dst []byte, limit int64) int {
	most := math.MaxInt - 1 - len(dst)
	return len(dst) + int(min(max(limit, 0), int64(most)))
}

// appendMessage appends all of the source. The result has at most end bytes if there is no error.
func (f *inflater) appendMessage(dst []byte, end int) ([]byte, error) {
	for !f.source.empty() {
		if err := f.begin(); err != nil {
			return dst, err
		}
		var err error
		if dst, err = f.appendStream(dst, end); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// begin makes the stream begin with what is left of the source.
func (f *inflater) begin() error {
	if f.stream != nil {
		if err := f.stream.Reset(&f.source, nil); err != nil {
			return fmt.Errorf("resetting a reader: %w", err)
		}
		return nil
	}
	var ok bool
	if f.stream, ok = flate.NewReader(&f.source).(interface {
		io.Reader
		flate.Resetter
	}); !ok {
		return errors.New("a reader cannot be reset")
	}
	return nil
}

// appendStream appends what is inflated up to the end of the next block with the BFINAL bit.
func (f *inflater) appendStream(dst []byte, end int) ([]byte, error) {
	for {
		dst = withRoom(dst, end)
		n, err := f.stream.Read(dst[len(dst):min(cap(dst), end+1)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > end:
			return dst, ErrTooLong
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
}

// withRoom returns dst with room for at least one more byte. It has at most end bytes, and grows to no more
// than end+1.
func withRoom(dst []byte, end int) []byte {
	if len(dst) < cap(dst) {
		return dst
	}
	grown := make([]byte, len(dst), min(max(2*len(dst), len(dst)+firstGrowth), end+1))
	copy(grown, dst)
	return grown
}
