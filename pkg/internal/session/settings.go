package session

import "time"

// Settings are those of a replica.
type Settings struct {
	Server       string        // the replica's name
	Lease        time.Duration // the sessions of a replica that writes nothing for that long lapse
	ProbeTimeout time.Duration // a probed client that gives no sign of life for that long is dead
}
