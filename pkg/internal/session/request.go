package session

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// OnConflict says what happens to who has the identity that a newcomer asks for.
type OnConflict string

const (
	// ProbeConflict lets the newcomer in when the old client does not answer a ping in time.
	ProbeConflict OnConflict = ""
	// TakeOver lets the newcomer in, and closes the old connection.
	TakeOver OnConflict = "takeover"
	// Reject refuses the newcomer.
	Reject OnConflict = "reject"
)

// Request asks for a session.
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
	// newcomer that waits.
	Alive(within time.Duration, answer func(alive bool))
	// Lose ends the connection: the session is over. It does not wait.
	Lose(*proxy.Error)
}

// The outcomes of conflicts, as metrics name them.
const (
	OutcomeRejected = "rejected"   // the newcomer was refused: somebody has its identity
	OutcomeTakeover = "taken_over" // the old client was dead
	OutcomeEvicted  = "evicted"    // the newcomer asked for the takeover of a live one
	OutcomeLimited  = "limited"    // the newcomer was refused: there are enough
)
