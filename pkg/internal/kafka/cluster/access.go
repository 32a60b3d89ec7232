package cluster

import (
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
	*ending
}

func newGrant(a Access) *grant {
	return &grant{access: a, ending: newEnding()}
}
