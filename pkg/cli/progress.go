package cli

import (
	"io"
	"os"
	"sync"
	"time"
)

// progressEvery is how often a terminal is told how far a command is.
const progressEvery = 250 * time.Millisecond

// showProgress keeps a line of a terminal up to date, until stop is called. It shows nothing elsewhere.
func showProgress(w io.Writer, line func() string) (stop func()) {
	terminal, ok := w.(*os.File)
	if !ok || width(terminal) == 0 {
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
				text := line()
				_, _ = terminal.WriteString("\r\x1b[K" + text[:min(len(text), max(0, width(terminal)-1))])
			case <-over:
				_, _ = terminal.WriteString("\r\x1b[K")
				return
			}
		}
	})
	return func() {
		close(over)
		showing.Wait()
	}
}
