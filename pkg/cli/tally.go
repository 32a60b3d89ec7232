package cli

import (
	"fmt"
	"sync"
	"time"
)

// tally counts the messages of a run of produce. It is safe for concurrent use.
type tally struct {
	began time.Time

	mu     sync.Mutex // guards what follows
	line   int        // the last one of which all messages were handed over, or that was refused
	bytes  int64      // read
	handed int        // messages
	done   int        // messages that were acknowledged
	bad    int        // messages that were refused
	lines  []int      // those of the messages that are not answered, from head on: answers come in order
	head   int
}

// newTally returns the tally of a run whose first line is from.
func newTally(from int) *tally { return &tally{began: time.Now(), line: from - 1} }

func (t *tally) read(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = bytes
}

// passed tells that nothing more is to be done with a line than to wait for answers.
func (t *tally) passed(line int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line = line
}

func (t *tally) sent(line int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handed++
	if t.head > len(t.lines)/2 && t.head > 1000 {
		t.lines, t.head = t.lines[:copy(t.lines, t.lines[t.head:])], 0
	}
	t.lines = append(t.lines, line)
}

// unsent takes the last message back.
func (t *tally) unsent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handed--
	t.lines = t.lines[:len(t.lines)-1]
}

// answered counts the answer to the oldest message.
func (t *tally) answered(isAck bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head++
	if isAck {
		t.done++
	} else {
		t.bad++
	}
}

// summary says what was acknowledged, and where to go on.
func (t *tally) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done+t.bad == t.handed { // nothing is in flight
		return fmt.Sprintf("of the lines up to %d, %d messages were acknowledged: go on with --from-line %d", t.line, t.done, t.line+1)
	}
	return fmt.Sprintf("of the lines up to %d, %d messages were acknowledged, and %d that were in flight are written or not: go on with --from-line %d",
		t.line, t.done, t.handed-t.done-t.bad, t.lines[t.head])
}

// progress is a line for a terminal. size is that of the input, 0 where it is not known.
func (t *tally) progress(size int64) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	seconds := time.Since(t.began).Seconds()
	text := fmt.Sprintf("%d acked, %.0f/s, %d in flight", t.done, float64(t.done)/seconds, t.handed-t.done-t.bad)
	if size > 0 && t.bytes > 0 {
		left := time.Duration(seconds * float64(size-t.bytes) / float64(t.bytes) * float64(time.Second))
		text = fmt.Sprintf("%d%%, %s left, %s", 100*t.bytes/size, left.Round(time.Second), text)
	}
	return text
}
