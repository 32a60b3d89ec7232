package cli

import (
	"io"
	"os"
	"sync"
	"time"
)

// progressEvery is how often a terminal is told how far a command is.
const progressEvery = 250 * time.Millisecond

// clearLine goes to the begin of a terminal's line and empties it.
const clearLine = "\r\x1b[K"

// progress is an output of messages that has a line of progress below them, if it is a terminal. It is safe for concurrent use.
type progress struct {
	w        io.Writer
	terminal *os.File // nil where w is none, or one that cannot empty a line

	mu    sync.Mutex // guards what follows
	shown bool       // whether the last line is that of progress
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w}
	if file, ok := w.(*os.File); ok && width(file) > 0 && os.Getenv("TERM") != "dumb" {
		p.terminal = file
	}
	return p
}

// Write implements io.Writer. The message takes the place of the line of progress, which comes again below it.
func (p *progress) Write(message []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.w.Write(message) //nolint:wrapcheck // as it is
}

func (p *progress) erase() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// clear empties the line of progress. p.mu is held.
func (p *progress) clear() {
	if p.shown {
		_, _ = p.terminal.WriteString(clearLine)
		p.shown = false
	}
}

// show keeps the line up to date, until stop is called. It shows nothing elsewhere than on a terminal.
func (p *progress) show(line func() string) (stop func()) {
	if p.terminal == nil {
		return func() {}
	}
	over := make(chan struct{})
	var showing sync.WaitGroup
	showing.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.draw(line())
			case <-over:
				p.erase()
				return
			}
		}
	})
	return func() {
		close(over)
		showing.Wait()
	}
}

// draw draws the line, cut so that the terminal does not break it.
func (p *progress) draw(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.terminal.WriteString(clearLine + text[:min(len(text), max(0, width(p.terminal)-1))])
	p.shown = true
}
