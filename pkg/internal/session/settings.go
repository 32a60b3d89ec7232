package session

import "time"

// Settings are those of a replica.
type Settings struct {
	Server       string        // the replica's name
	Lease        time.Duration // the sessions of a silent replica lapse after it
	ProbeTimeout time.Duration // a client that gives no sign of life for it is dead
}
