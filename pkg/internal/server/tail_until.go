package server

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/read"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// findEnds finds where a topic ends now, for a connection that is to end there.
func (t *tailing) findEnds(ctx context.Context, topic *tailed, log *read.Source) *proxy.Error {
	if !t.untilEnd {
		return nil
	}
	ends, err := log.Ends(ctx)
	if err != nil {
		return proxy.AsError(err)
	}
	if ends.HaveTimes() {
		return proxy.Errorf(proxy.KindKafkaUnavailable, "until: a partition of %q has no leader that answers: try again.", topic.topic.Name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	topic.ends = ends
	return nil
}

// isAtEnd tells whether the client was given all that the topics held at the handshake. Topics that were subscribed, or made again, later do not
// count.
func (t *tailing) isAtEnd() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, topic := range t.topics {
		place, text := topic.tail.Cursor()
		if text == "" || !place.Places.Passes(topic.ends) {
			return false
		}
	}
	return len(t.topics) > 0
}
