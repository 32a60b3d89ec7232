package cluster

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// againPause is the mean time between two looks at a topic that messages bring about, and looksAtOnce
	// how many may come at once after a while without any: whatever clients send, Kafka is not asked more
	// often. The messages beyond are judged by the latest look, so that none waits for more than one
	// request.
	againPause  = 500 * time.Millisecond
	looksAtOnce = 5
	// againTimeout bounds one.
	againTimeout = 5 * time.Second
)

// looksAgain are the looks at one instance that messages bring about.
type looksAgain struct {
	pace *rate.Limiter

	mu     sync.Mutex // guards what follows
	latest *lookAgain // nil where there was none
}

func newLooksAgain() *looksAgain {
	return &looksAgain{pace: rate.NewLimiter(rate.Every(againPause), looksAtOnce)}
}

// lookAgain is one of them, for all who come until the next one may begin.
type lookAgain struct {
	done chan struct{} // closed when it has been made
	err  error         // why Kafka told nothing, set before done is closed
}

// join returns the look that answers now, and whether it is a new one that the caller has to make.
//
// A look that began before somebody came may not show what was made just before: a new one is better
// wherever the pace allows it.
func (l *looksAgain) join() (one *lookAgain, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pace.Allow() {
		return l.latest, false
	}
	l.latest = &lookAgain{done: make(chan struct{})}
	return l.latest, true
}

// LookAgain has Kafka asked once more how many partitions the topic has, and waits for that within a
// bound. Where many ask they share an answer, which may be some hundred milliseconds old. An error tells that there was no answer.
func (t *Topic) LookAgain() error {
	one, first := t.again.join()
	if !first {
		<-one.done // its maker's time is bounded
		return one.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), againTimeout)
	defer cancel()
	one.err = t.lookNow(ctx)
	close(one.done)
	return one.err
}

// lookNow shows the watcher what Kafka shows the connection.
func (t *Topic) lookNow(ctx context.Context) error {
	client, err := t.Lookups()
	if err != nil {
		return err
	}
	sights, err := look(ctx, client, []string{t.Name})
	if err != nil {
		return err
	}
	t.topics.see(t.Name, sights[t.Name], false)
	return sights[t.Name].err
}
