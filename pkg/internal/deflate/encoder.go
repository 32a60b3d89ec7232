package deflate

import (
	"fmt"

	"github.com/klauspost/compress/flate"
)

// level is the level of the flate package. With 2 KB of history, level 3 makes records of 2 KB 4 percent
// shorter than level 1 does, in an eighth more of the time; level 5 makes them 4 percent shorter still, and
// takes a third more again.
const level = 3

// encoder compresses a message of any length. It takes about 1.2 MB.
type encoder struct {
	writer *flate.Writer
	out    []byte
}

// Write implements io.Writer for the flate.Writer.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// appendMessage appends a message, which may repeat what is in the history. A message that is noise becomes
// a few bytes longer. The flate.Writer ignores the history for messages of less than 128 bytes, and makes
// do with Huffman codes.
func (e *encoder) appendMessage(dst, history, message []byte) ([]byte, error) {
	if e.writer == nil {
		var err error
		if e.writer, err = flate.NewWriter(e, level); err != nil {
			return dst, fmt.Errorf("making a compressor: %w", err)
		}
	}
	e.out = dst
	e.writer.ResetDict(e, history)
	_, err := e.writer.Write(message)
	if err == nil {
		err = e.writer.Flush()
	}
	out := e.out
	e.out = nil // it is the caller's
	if err != nil {
		return dst, fmt.Errorf("compressing: %w", err)
	}
	return out[:len(out)-len(tail)], nil
}
