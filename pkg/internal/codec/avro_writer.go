package codec

import (
	"sync"

	"github.com/hamba/avro/v2"
)

// firstAvroBuffer is the initial size of the buffer for what is written between two long texts, in bytes.
const firstAvroBuffer = 512

// avroWriter appends Avro's binary encoding to a frame. Numbers and short texts are written through
// the library's writer, which cannot be given a buffer; long texts bypass it. The library's writer is
// made with the first frame and kept. Frames are written one at a time.
type avroWriter struct {
	lib *avro.Writer
	dst []byte
	mu  sync.Mutex // guards lib and dst between begin and release
}

// begin starts a frame behind dst.
func (w *avroWriter) begin(dst []byte) *avroWriter {
	w.mu.Lock()
	if w.lib == nil {
		w.lib = avro.NewWriter(nil, firstAvroBuffer)
	}
	w.lib.Reset(nil)
	w.dst = dst
	return w
}

// end returns dst with the frame behind it.
func (w *avroWriter) end() []byte {
	w.flush()
	return w.dst
}

func (w *avroWriter) release() {
	w.dst = nil
	w.mu.Unlock()
}

func (w *avroWriter) flush() {
	w.dst = append(w.dst, w.lib.Buffer()...)
	w.lib.Reset(nil)
}

// text writes a string.
func (w *avroWriter) text(s string) {
	w.lib.WriteLong(int64(len(s)))
	w.flush()
	w.dst = append(w.dst, s...)
}

// bytes writes bytes, or a string whose text they are.
func (w *avroWriter) bytes(b []byte) {
	w.lib.WriteLong(int64(len(b)))
	w.flush()
	w.dst = append(w.dst, b...)
}
