package session

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// OnConflict says what happens where an old client has the identity that a new connection claims.
type OnConflict string

const (
	// ProbeConflict admits the new connection if the old client does not answer a ping in time.
	ProbeConflict OnConflict = ""
	// TakeOver admits the new connection, and closes the old one.
	TakeOver OnConflict = "takeover"
	// Reject refuses the new connection.
	Reject OnConflict = "reject"
)

// Request is what a connection claims a session by.
type Request struct {
	Kind       Kind
	Client     proxy.ClientID
	Group      proxy.GroupID // of a consumer
	Instance   string        // of a producer
	Topic      string
	Principal  proxy.Principal // whose session it will be
	Limit      int             // most sessions of the group, or of the producing client; 0 for none
	Partitions int             // of a consumer's topic
	OnConflict OnConflict
}

// Holder is the connection that a session is for.
type Holder interface {
	// Alive asks the client for a sign of life, and calls answer once, in time for the
	// new connection that waits.
	Alive(within time.Duration, answer func(alive bool))
	// Lose ends the connection: the session is over. It does not wait.
	Lose(*proxy.Error)
}

// The outcomes of conflicts, as metrics name them.
const (
	OutcomeRejected = "rejected"   // the new connection was refused: another one has its identity
	OutcomeTakeover = "taken_over" // the old client was dead
	OutcomeEvicted  = "evicted"    // the new connection asked to take over from a live client
	OutcomeLimited  = "limited"    // the new connection was refused by a limit
)
