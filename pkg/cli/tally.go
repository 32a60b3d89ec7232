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
	again  int        // those of them that were sent more than once
	bad    int        // messages that were refused
	unsent int        // messages that were handed over, and never sent
	lines  []int      // those of the messages that are not answered, from head on: answers come in order
	head   int
	latest int // the line of the last message that was acknowledged
	of     int // how many messages of that line were
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

// withdrawn takes the last message back.
func (t *tally) withdrawn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handed--
	t.lines = t.lines[:len(t.lines)-1]
}

// acknowledged counts the acknowledgement of the oldest message, which was sent so many times.
func (t *tally) acknowledged(sends int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if line := t.lines[t.head]; line != t.latest {
		t.latest, t.of = line, 0
	}
	t.of++
	t.head++
	t.done++
	if sends > 1 {
		t.again++
	}
}

// refused counts the refusal of the oldest message.
func (t *tally) refused() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.head++
	t.bad++
}

// unwritten counts a message that was handed over and never sent, since the run has ended. It is one of the lines to go on with.
func (t *tally) unwritten() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsent++
}

// summary says what was acknowledged, where to go on, and how many messages may be in Kafka twice then.
func (t *tally) summary() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf("of the lines up to %d, %d messages were acknowledged", t.line, t.done)
	next, left := t.line+1, t.handed-t.done-t.bad
	if left > 0 {
		next = t.lines[t.head]
	}
	twice := left - t.unsent
	if twice > 0 {
		text += fmt.Sprintf(", and %d that were in flight are written or not", twice)
	}
	text += fmt.Sprintf(": go on with --from-line %d", next)
	if next == t.latest { // it has several messages, and some were acknowledged
		twice += t.of
	}
	if twice > 0 {
		text += fmt.Sprintf(", and up to %d messages may be there twice", twice)
	}
	return text + t.repeated()
}

// sentAgain says how many messages may be in Kafka more than once, "" for none.
func (t *tally) sentAgain() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.repeated()
}

// repeated is sentAgain. t.mu is held.
func (t *tally) repeated() string {
	if t.again == 0 {
		return ""
	}
	return fmt.Sprintf("; %d of %d acknowledged messages were sent again after a lost connection, and may be there twice", t.again, t.done)
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
