package session

import (
	"hash/fnv"
	"strconv"
	"time"
)

// isFenced tells whether no heartbeat of the replica was acknowledged for its lease.
func (r *replica) isFenced(now time.Time) bool {
	return now.Sub(r.beatAcked) > r.settings.Lease
}

// readBackTime is how long an own heartbeat may take to be read before the replica's view counts as old.
const readBackTime = time.Second

// isFresh tells whether the log was read to its end lately, so that what it refuses is refused.
func (r *replica) isFresh() bool {
	return !r.isFenced(r.now) && (r.unread.IsZero() || r.now.Sub(r.unread) < readBackTime)
}

// The log must not be quiet for longer than maxGap, or log time goes slower than time: a replica that has read
// nothing for its patience writes a heartbeat. The patience of replicas differs, lest they all write one.
const (
	minPatience    = 400 * time.Millisecond
	patienceSpread = 300 // ms
	probePatience  = 250 * time.Millisecond
)

// beat writes a heartbeat.
func (r *replica) beat() {
	r.beats++
	r.beatSent, r.beatOpen, r.called = r.now, true, false
	if r.unread.IsZero() {
		r.unread = r.now
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.id + strconv.FormatInt(r.beats, 10))) // never fails
	r.patience = minPatience + time.Duration(h.Sum32()%patienceSpread)*time.Millisecond
	sent := r.now
	value := &beat{
		Server: r.settings.Server, Count: r.beats, Lease: r.settings.Lease.Milliseconds(), Leaves: r.retired, Pool: r.settings.Pool,
		Reports: true,
	}
	r.write([]Record{set(replicaKey+r.id, value)}, func(err error) {
		r.later(func() { r.beaten(sent, err) })
	})
}

// isBeatDue tells whether it is time for a heartbeat.
func (r *replica) isBeatDue() bool {
	since, patience := r.now.Sub(r.beatSent), r.patience
	if len(r.probes) > 0 || r.called {
		patience = probePatience
	}
	switch {
	case r.beatOpen:
		return false
	case since >= r.settings.interval(), r.called && since >= patience:
		return true
	default:
		return r.caughtUp && since >= patience && r.now.Sub(r.readAt) >= patience
	}
}

// beaten takes the result of the heartbeat that was sent at a time.
func (r *replica) beaten(sent time.Time, err error) {
	if sent.Equal(r.beatSent) {
		r.beatOpen = false
	}
	if err == nil && sent.After(r.beatAcked) {
		r.beatAcked = sent
	}
}

// readBeat takes an own heartbeat that was read back.
func (r *replica) readBeat(b *beat) {
	r.beatRead = b.Count
	if b.Count == r.beats {
		r.unread = time.Time{}
	}
}
