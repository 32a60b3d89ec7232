package cluster

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// againPause is the mean time between two lookups of a topic that messages cause, and looksAtOnce is
	// how many may follow each other at once after a while without any: whatever clients send, no more
	// lookups are sent. Further messages use the result of the latest lookup, so that none waits for
	// more than one request.
	againPause  = 500 * time.Millisecond
	looksAtOnce = 5
	// againTimeout bounds one lookup.
	againTimeout = 5 * time.Second
)

// looksAgain are the lookups of one instance that messages cause.
type looksAgain struct {
	pace *rate.Limiter

	mu     sync.Mutex // guards what follows
	latest *lookAgain // nil before the first
}

func newLooksAgain() *looksAgain {
	return &looksAgain{pace: rate.NewLimiter(rate.Every(againPause), looksAtOnce)}
}

// lookAgain is one lookup. All callers share it until the next one may begin.
type lookAgain struct {
	done chan struct{} // closed when the lookup has ended
	err  error         // why Kafka did not answer, set before done is closed
}

// join returns the lookup that is used now, and whether it is a new one that the caller must run.
//
// A lookup that began before the call may not show a partition that was created just before: join starts
// a new one whenever the rate limiter allows it.
func (l *looksAgain) join() (one *lookAgain, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.pace.Allow() {
		return l.latest, false
	}
	l.latest = &lookAgain{done: make(chan struct{})}
	return l.latest, true
}

// LookAgain asks Kafka again how many partitions the topic has, and waits for that within a bound.
// Concurrent calls share an answer, which may be some hundred milliseconds old. An error means that
// there was no answer.
func (t *Topic) LookAgain() error {
	one, first := t.again.join()
	if !first {
		<-one.done // the time of the lookup is bounded
		return one.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), againTimeout)
	defer cancel()
	one.err = t.lookNow(ctx)
	close(one.done)
	return one.err
}

// lookNow passes what Kafka shows to the connection on to the watcher.
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
