package cluster

import (
	"context"
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
	stop func() // ends the notifications about the instance

	renewing sync.Mutex // guards closed, and is held while grant is replaced
	closed   bool
}

// ending is an end that happens once and has a reason.
type ending struct {
	life context.Context //nolint:containedctx // it is the end, and no call's
	over context.CancelCauseFunc
}

func newEnding() *ending {
	life, over := context.WithCancelCause(context.Background())
	return &ending{life, over}
}

func (e *ending) end(reason *proxy.Error) { e.over(reason) }

// Over is closed when the topic has ended for the connection: the instance has ended, or Kafka no longer
// allows the connection to use it, since its rights or its credentials were revoked.
func (t *Topic) Over() <-chan struct{} { return t.life.Done() }

// WhenOver has f called in a goroutine of its own once Over is closed, unless stop is called before.
func (t *Topic) WhenOver(f func()) (stop func()) {
	unregister := context.AfterFunc(t.life, f)
	return func() { unregister() }
}

// End returns the reason, once Over is closed: the error is of KindTopicNotFound, caused by
// proxy.ErrReplaced if a topic of the name exists again, or the error with which Kafka denies the
// access.
func (t *Topic) End() *proxy.Error { return proxy.AsError(context.Cause(t.life)) }

// Deny ends the topic for the connection, since Kafka has refused it.
func (t *Topic) Deny(reason *proxy.Error) { t.ending.end(reason) }

// Credentials returns the credentials with which the topic is used now: its client may renew them.
func (t *Topic) Credentials() proxy.KafkaCredentials { return t.grant.Load().access.Credentials }

// Lookups returns the client for the connection's lookups: the proxy's own, or that of the connection's
// identity, which all connections of the identity share. An error means that the connection has ended.
func (t *Topic) Lookups() (*kgo.Client, error) {
	if client := t.topics.rights.clientOf(t.grant.Load()); client != nil {
		return client, nil
	}
	return nil, ErrClosed
}

// Close releases the topic.
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
