package server

import (
	"context"
	"errors"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ended deals with the end of a topic: a topic that was made again is read on after a gap, and the others go on
// without one that was deleted.
func (t *tailing) ended(topic *tailed) {
	t.mu.Lock()
	if t.closed || t.topics[topic.topic.Name] != topic {
		t.mu.Unlock()
		return
	}
	t.work.Add(1)
	t.mu.Unlock()
	defer t.work.Done()
	reason := topic.topic.End()
	switch {
	case errors.Is(reason, proxy.ErrReplaced):
		t.goOn(topic)
	case reason.Kind == proxy.KindTopicNotFound:
		t.lose(topic, reason)
	default:
		t.end(reason)
	}
}

// end ends the connection.
func (t *tailing) end(reason *proxy.Error) {
	if c := t.conn.Load(); c != nil { // else the handshake is not over: whoever serves it asks the tails again
		c.End(socket.EndWith(reason, goneGrace))
	}
}

// lose tells the client that a topic was deleted. Without another one the connection ends.
func (t *tailing) lose(topic *tailed, reason *proxy.Error) {
	t.mu.Lock()
	if t.topics[topic.topic.Name] != topic {
		t.mu.Unlock()
		return
	}
	delete(t.topics, topic.topic.Name)
	place, _ := topic.tail.Cursor()
	t.lost = append(t.lost, place)
	left := len(t.topics)
	t.mu.Unlock()
	t.release(topic)
	if left == 0 {
		t.end(reason)
		return
	}
	t.conn.Load().SendText(codec.AppendError(nil, reason, "", ""))
}

const (
	// goOnFor is how long a topic that was made again may take until it can be read: its partitions have no leaders at first.
	goOnFor = 30 * time.Second
	// goOnPause is the pause between two attempts.
	goOnPause = 500 * time.Millisecond
)

// goOn reads a topic that was deleted and made again from its begin, after a gap.
func (t *tailing) goOn(topic *tailed) {
	t.mu.Lock()
	before := topic.tail
	t.mu.Unlock()
	t.set.Remove(before)
	again, err := t.reopenInTime(topic)
	if err != nil {
		t.server.Log.Warn("a topic that was made again cannot be read for a tail", "topic", topic.topic.Name, "err", err)
		t.end(topic.topic.End()) // it asks the client to connect again
		return
	}
	t.mu.Lock()
	if t.closed || t.topics[topic.topic.Name] != topic {
		t.mu.Unlock()
		t.release(again)
		return
	}
	t.topics[topic.topic.Name] = again
	t.watch(again)
	t.mu.Unlock()
	t.release(topic)
	t.wake()
}

func (t *tailing) reopenInTime(topic *tailed) (again *tailed, err error) {
	for began := time.Now(); ; <-time.After(goOnPause) {
		ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
		again, err = t.reopen(ctx, topic)
		cancel()
		if err == nil || time.Since(began) > goOnFor || t.isClosed() {
			return again, err
		}
	}
}

func (t *tailing) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// reopen begins to read the topic that has another's name now.
func (t *tailing) reopen(ctx context.Context, topic *tailed) (*tailed, error) {
	name := topic.topic.Name
	hold, err := t.server.Topics.OpenFor(ctx, t.access(name))
	if err != nil {
		return nil, err //nolint:wrapcheck // only that there is one matters
	}
	t.mu.Lock()
	before := topic.tail
	again := &tailed{topic: hold, wants: topic.wants, rule: topic.rule, stop: func() {}}
	t.mu.Unlock()
	at, err := t.server.log(hold, t.readCommitted).Starts(ctx)
	if err == nil {
		place, _ := before.Cursor()
		err = t.openFeed(ctx, again, start{at: at, gaps: recreatedGaps(place.Places, at)})
	}
	if err != nil {
		hold.Close()
		return nil, err //nolint:wrapcheck // only that there is one matters
	}
	return again, nil
}
