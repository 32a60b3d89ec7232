package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// mostLine is the longest line that is read, in bytes. A longer one is far beyond what Kafka takes, and memory is to stay flat.
const mostLine = 64 << 20

// lines reads lines. Each is valid until the next call.
type lines struct {
	r    *bufio.Reader
	long []byte // a line that is longer than the reader's buffer
	n    int    // number of the last line, from 1
	read int64  // bytes
}

func newLines(r io.Reader) *lines { return &lines{r: bufio.NewReaderSize(r, 256<<10)} }

// next returns the next line without its end, or io.EOF.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.rest(line)
	}
	l.read += int64(len(line))
	if len(line) == 0 && err != nil {
		return nil, err //nolint:wrapcheck // io.EOF, or what reading says
	}
	l.n++
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading line %d: %w", l.n, err)
	}
	return bytes.TrimSuffix(line, []byte("\n")), nil
}

// rest reads the rest of a long line.
func (l *lines) rest(line []byte) ([]byte, error) {
	l.long = append(l.long[:0], line...)
	for {
		more, err := l.r.ReadSlice('\n')
		if l.long = append(l.long, more...); len(l.long) > mostLine {
			return l.long[:1], fmt.Errorf("it is longer than %d MiB", mostLine>>20)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.long, err //nolint:wrapcheck // io.EOF, or what reading says
		}
	}
}
