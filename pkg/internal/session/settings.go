package session

import "time"

// Settings are those of a replica.
type Settings struct {
	Server       string        // the replica's name
	Pool         string        // the replicas to which its clients may come, itself included; empty for those without a name
	Lease        time.Duration // the sessions of a replica that writes nothing for that long lapse
	ProbeTimeout time.Duration // log time in which a probed client must give a sign of life, or is dead
}

const (
	// beatsPerLease divides the lease into the interval of heartbeats, which is at most maxBeatInterval. What
	// the log lacks is written again after the same interval.
	beatsPerLease   = 5
	maxBeatInterval = 3 * time.Second
	// lapseKept is the number of leases after which no record of a lapsed run can arrive anymore.
	lapseKept = 20
)

// interval is the time between heartbeats, and between repetitions.
func (s *Settings) interval() time.Duration { return min(s.Lease/beatsPerLease, maxBeatInterval) }
