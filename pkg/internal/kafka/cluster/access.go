package cluster

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Operation is what a connection does with its topic.
type Operation uint8

// The operations of connections.
const (
	Consume Operation = iota
	Produce
)

// Access is what a connection wants of Kafka, and as whom.
type Access struct {
	Credentials proxy.KafkaCredentials // of the proxy where zero
	Topic       string
	Operation   Operation
	Group       proxy.GroupID // empty where it uses none
}

// grant is an access that Kafka has authorised, until it is denied.
type grant struct {
	access Access
	missed int // checks that found no topic; the checker's
	*ending
}

// ending is the end of an access, which is the same whatever credentials follow each other.
type ending struct {
	once   sync.Once
	denied chan struct{}
	reason *proxy.Error // set before denied is closed
}

func newGrant(a Access) *grant {
	return &grant{access: a, ending: &ending{denied: make(chan struct{})}}
}

// deny ends the access. Later calls change nothing.
func (g *grant) deny(reason *proxy.Error) {
	if g == nil {
		return
	}
	g.once.Do(func() {
		g.reason = reason
		close(g.denied)
	})
}

// Denied is closed when Kafka does not let the connection go on: its rights were taken away, or
// its credentials. It is nil for a topic that was opened without a check.
func (t *Topic) Denied() <-chan struct{} {
	granted := t.grant.Load()
	if granted == nil {
		return nil
	}
	return granted.denied
}

// Denial is what to tell the client, once Denied is closed.
func (t *Topic) Denial() *proxy.Error { return t.grant.Load().reason }

// Credentials are those that the topic is used with now: its client may renew them.
func (t *Topic) Credentials() proxy.KafkaCredentials {
	granted := t.grant.Load()
	if granted == nil {
		return proxy.KafkaCredentials{}
	}
	return granted.access.Credentials
}
