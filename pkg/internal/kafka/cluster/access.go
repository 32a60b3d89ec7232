package cluster

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Operation is the use that a connection makes of its topic.
type Operation uint8

// The operations of connections.
const (
	Consume Operation = iota
	Produce
)

// Access is the use of Kafka that a connection requests, and its identity.
type Access struct {
	Credentials proxy.KafkaCredentials // the proxy's own if zero
	Topic       string
	Operation   Operation
	Group       proxy.GroupID // empty without a group
}

// grant is an access that Kafka has authorised, until it is denied.
type grant struct {
	access Access
	*ending
}

func newGrant(a Access) *grant {
	return &grant{access: a, ending: newEnding()}
}
