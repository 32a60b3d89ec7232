package session

import (
	"strings"
	"sync/atomic"
	"time"
)

// The work of one pass: so little that it delays nobody, and so much that 100,000 sessions are announced again
// within seconds.
const (
	passLooks  = 5000
	passWrites = 1000
)

// difference is a key of which the log does not have, as far as was read, what this replica wants.
type difference struct {
	key     string
	sent    time.Time // when it was last written; zero before
	unread  bool      // something was written under the key that may not have been read
	answer  atomic.Uint32
	beat    int64 // number of the last heartbeat when the write was found to be acknowledged
	frees   bool  // the place is given up
	freeing place
}

// The answers to a write.
const (
	unanswered uint32 = iota
	acknowledged
	failed
)

func (d *difference) answered(err error) {
	if err != nil {
		d.answer.Store(failed)
		return
	}
	d.answer.Store(acknowledged)
}

// differences are all keys that differ.
type differences struct {
	byKey    map[string]*difference
	queue    []*difference // in the order of the last look; some are not in byKey anymore
	deferred bool          // the pass is to write them, and not the caller
}

func (d *differences) clear() {
	d.byKey, d.queue = make(map[string]*difference), nil
}

// put notes that a key differs, and writes what is wanted. While the log is read, only removals are written:
// all is compared at its end.
func (r *replica) put(key string) {
	switch {
	case r.left:
		return
	case !r.caughtUp:
		if r.beats > 0 && !r.wants(key) {
			r.write([]Record{remove(key)}, ignore)
		}
		return
	}
	d := &difference{key: key}
	if old := r.differences.byKey[key]; old != nil {
		d.unread = old.unread
		r.agreed(old)
	}
	r.differences.byKey[key] = d
	r.differences.queue = append(r.differences.queue, d)
	if e := r.fold.claims[strings.TrimPrefix(key, claimKey)]; e != nil && e.standing >= reserved && !r.wants(key) {
		d.frees, d.freeing = true, e.place()
		r.freed[d.freeing]++
	}
	if !r.differences.deferred {
		r.send(d)
	}
}

// send writes what the log lacks of a key. It returns false where it lacks nothing.
func (r *replica) send(d *difference) bool {
	records := r.lacks(d)
	if len(records) == 0 {
		r.agreed(d)
		return false
	}
	d.sent, d.unread = r.now, true
	d.answer.Store(unanswered)
	d.beat = 0
	r.write(records, d.answered)
	return true
}

// agreed forgets a difference.
func (r *replica) agreed(d *difference) {
	delete(r.differences.byKey, d.key)
	if d.frees {
		d.frees = false
		if r.freed[d.freeing]--; r.freed[d.freeing] == 0 {
			delete(r.freed, d.freeing)
		}
	}
}

// wants tells whether this replica wants anything under a key.
func (r *replica) wants(key string) bool {
	switch {
	case strings.HasPrefix(key, claimKey):
		return r.attempts[strings.TrimPrefix(key, claimKey)] != nil
	case strings.HasPrefix(key, probeKey):
		return r.probes[key] != nil
	case strings.HasPrefix(key, questionKey), strings.HasPrefix(key, reportKey):
		return !r.kept[key].IsZero()
	default:
		return key == replicaKey+r.id
	}
}

// differs tells whether the log has, under a key, something else than this replica wants.
func (r *replica) differs(key string) bool {
	switch {
	case !r.wants(key):
		return r.fold.owners[key] == r.id
	case strings.HasPrefix(key, claimKey):
		return r.ownEntry(strings.TrimPrefix(key, claimKey)) == nil
	case strings.HasPrefix(key, probeKey):
		return r.fold.probes[strings.TrimPrefix(key, probeKey)] == nil
	default:
		return false
	}
}

// lacks returns what must be written so that the log has, under the key of a difference, what this replica
// wants.
func (r *replica) lacks(d *difference) []Record {
	switch wanted := r.wants(d.key); {
	case !wanted && d.unread: // the log may have more than was read
		return []Record{remove(d.key)}
	case !r.differs(d.key):
		return nil
	case !wanted:
		return []Record{remove(d.key)}
	case strings.HasPrefix(d.key, claimKey):
		return r.lacksClaim(r.attempts[strings.TrimPrefix(d.key, claimKey)])
	default:
		return []Record{set(d.key, &probe{Claim: r.probes[d.key].asked, By: r.id})}
	}
}

func (r *replica) lacksClaim(a *attempt) []Record {
	e := r.fold.claims[a.id]
	if e == nil || e.Replica != r.id || e.standing < reserved {
		return []Record{set(claimKey+a.id, r.value(a, pending, a.takes, time.Time{}))}
	}
	var records []Record
	if e.Takes != "" && r.fold.claims[e.Takes] != nil {
		records = append(records, remove(claimKey+e.Takes))
	}
	return append(records, set(claimKey+a.id, r.value(a, admitted, e.Takes, e.at)))
}

// compare compares what the log has under a key, of which a record was read, with what this replica wants.
func (r *replica) compare(key string) {
	d, differs := r.differences.byKey[key], r.differs(key)
	switch {
	case d != nil && !differs:
		r.agreed(d)
	case d == nil && differs:
		r.put(key)
	}
}

// reconcile writes again what the log still lacks though it was written: the write has failed, or is not
// in the log although it was acknowledged before a heartbeat that is.
func (r *replica) reconcile() {
	q := &r.differences
	writes := 0
	for range min(len(q.queue), passLooks) {
		d := q.queue[0]
		q.queue = q.queue[1:]
		if q.byKey[d.key] != d {
			continue
		}
		if r.isDue(d) && !r.yield(strings.TrimPrefix(d.key, claimKey)) && r.send(d) {
			writes++
		}
		if q.byKey[d.key] == d {
			q.queue = append(q.queue, d)
		}
		if writes == passWrites {
			return
		}
	}
}

// isDue tells whether a key is to be written, or written again.
func (r *replica) isDue(d *difference) bool {
	answer := d.answer.Load()
	if answer == acknowledged && d.beat == 0 {
		d.beat = r.beats
	}
	switch {
	case d.sent.IsZero():
		return true
	case answer == unanswered, r.now.Sub(d.sent) < r.settings.interval():
		return false
	default:
		return answer == failed || r.beatRead > d.beat
	}
}
