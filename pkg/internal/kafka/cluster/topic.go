package cluster

import (
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Topic is one connection's hold on a topic instance, and its right to use it.
type Topic struct {
	*Instance
	grant atomic.Pointer[grant]
	*ending
	stop func() // ends what tells of the instance's end

	renewing sync.Mutex // guards closed, and is held while grant is replaced
	closed   bool
}

// ending is the end of something, which comes once and has a reason.
type ending struct {
	once   sync.Once
	over   chan struct{}
	reason *proxy.Error // set before over is closed
}

func newEnding() *ending { return &ending{over: make(chan struct{})} }

func (e *ending) end(reason *proxy.Error) {
	e.once.Do(func() {
		e.reason = reason
		close(e.over)
	})
}

// Over is closed when the topic has ended for the connection: the instance has ended, or Kafka does
// not let the connection use it anymore, since its rights or its credentials were taken away.
func (t *Topic) Over() <-chan struct{} { return t.ending.over }

// End tells why, once Over is closed: the error is of KindTopicNotFound, caused by proxy.ErrReplaced
// where a topic of the name exists again, or what Kafka denies the access with.
func (t *Topic) End() *proxy.Error { return t.reason }

// Deny ends the topic for the connection: Kafka has refused it.
func (t *Topic) Deny(reason *proxy.Error) { t.ending.end(reason) }

// Credentials are those that the topic is used with now: its client may renew them.
func (t *Topic) Credentials() proxy.KafkaCredentials { return t.grant.Load().access.Credentials }

// Lookups is the client that lookups for the connection are made with, and the calls that count them:
// the proxy's own, or that of the connection's identity, which all that use it share.
func (t *Topic) Lookups() (*kgo.Client, *Calls, error) {
	client, calls := t.topics.rights.clientOf(t.grant.Load())
	if client == nil {
		return nil, nil, ErrClosed
	}
	return client, calls, nil
}

// Close lets go of the topic.
func (t *Topic) Close() {
	t.renewing.Lock()
	defer t.renewing.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	t.stop()
	t.topics.rights.release(t.grant.Load())
}
