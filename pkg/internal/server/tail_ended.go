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
	switch err := t.reopenInTime(topic); {
	case err == nil:
		t.release(topic)
		t.wake()
	case errors.Is(err, errUnread):
	default:
		t.server.Log.Warn("a topic that was made again cannot be read for a tail", "topic", topic.topic.Name, "err", err)
		t.end(topic.topic.End()) // it asks the client to connect again
	}
}

// reopenInTime has the topic that was made again take the place of another. It tries until it may take no longer.
func (t *tailing) reopenInTime(topic *tailed) (err error) {
	for began := time.Now(); ; <-time.After(goOnPause) {
		if err = t.exchange(topic); err == nil || errors.Is(err, errUnread) || time.Since(began) > goOnFor || t.isClosed() {
			return err
		}
	}
}

var (
	// errUnread means that the client does not read the topic anymore.
	errUnread = errors.New("the topic is not read anymore")
	// errChanged means that the client wants what cannot be taken from the ring for which the tail was opened.
	errChanged = errors.New("what is wanted has changed meanwhile")
)

// exchange begins to read the topic that has another's name now, and has it take the place of that.
func (t *tailing) exchange(topic *tailed) error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	again, err := t.reopen(ctx, topic)
	if err != nil {
		return err
	}
	if err := t.take(topic, again); err != nil {
		t.release(again)
		return err
	}
	return nil
}

// take has a topic take the place of another. The client may have been told meanwhile that something else is wanted.
func (t *tailing) take(topic, again *tailed) error {
	t.changing.Lock()
	defer t.changing.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.topics[topic.topic.Name] != topic {
		return errUnread
	}
	again.wants, again.rule = topic.wants, topic.rule
	selection := reduced(again.wants)
	if !again.tail.CanSelect(selection) {
		return errChanged
	}
	again.tail.Select(selection)
	again.tail.Inherit(topic.tail)
	t.topics[topic.topic.Name] = again
	t.watch(again)
	t.give(again)
	return nil
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
		err = t.openFeed(ctx, again, behindAnother(place, at))
	}
	if err != nil {
		hold.Close()
		return nil, err //nolint:wrapcheck // only that there is one matters
	}
	return again, nil
}
