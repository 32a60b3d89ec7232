package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// againPause is the least time between two looks at a topic that messages bring about: whatever
	// clients send, Kafka is not asked more often.
	againPause = 500 * time.Millisecond
	// againTimeout bounds one, the pause before it included.
	againTimeout = 5 * time.Second
)

// looksAgain are the looks at one instance that messages bring about.
type looksAgain struct {
	mu   sync.Mutex // guards what follows
	next *lookAgain // the one that is to come, nil where nobody waits for one
	last time.Time  // when the latest began
}

// lookAgain is one of them, for all who came before it began.
type lookAgain struct {
	done chan struct{} // closed when it has been made
	err  error         // why Kafka told nothing, set before done is closed
}

// join returns the look that is to come. Who is the first to wait for it makes it, no sooner than after
// the pause.
func (l *looksAgain) join() (one *lookAgain, pause time.Duration, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		return l.next, 0, false
	}
	l.next = &lookAgain{done: make(chan struct{})}
	return l.next, time.Until(l.last.Add(againPause)), true
}

// begin lets nobody join the next look anymore.
func (l *looksAgain) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next, l.last = nil, time.Now()
}

// LookAgain has Kafka asked once more how many partitions the topic has, and waits for that within a
// bound. Those who ask at about the same time share the answer, and have to wait for a while where Kafka
// was asked just before. An error tells that there was no answer.
func (t *Topic) LookAgain() error {
	one, pause, first := t.again.join()
	if !first {
		<-one.done // its maker's time is bounded
		return one.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), againTimeout)
	defer cancel()
	Pause(ctx, pause)
	t.again.begin()
	one.err = t.lookNow(ctx)
	close(one.done)
	return one.err
}

// lookNow shows the watcher what Kafka shows the connection.
func (t *Topic) lookNow(ctx context.Context) error {
	client, calls := t.client()
	if client == nil {
		return ErrClosed
	}
	sights, err := Within(ctx, calls, func(ctx context.Context) (map[string]sight, error) { return look(ctx, client, []string{t.Name}) })
	if err != nil {
		return err
	}
	t.topics.see(t.Name, sights[t.Name], false)
	return sights[t.Name].err
}

// client is the one that Kafka is asked with for the connection, nil where that is over.
func (t *Topic) client() (*kgo.Client, *Calls) {
	t.renewing.Lock()
	defer t.renewing.Unlock()
	if t.closed {
		return nil, nil
	}
	return t.topics.rights.clientOf(t.grant.Load())
}
