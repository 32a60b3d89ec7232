package session

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// replica is one replica's part in the log: what it writes, given what it reads and what its
// connections want. It has no clock, no goroutine and no lock of its own.
type replica struct {
	settings Settings
	write    func(records []Record, answered func(error)) // answered may be called by any goroutine
	later    func(func())                                 // runs the callback of a connection or of a write
	conflict func(outcome string)
	newRun   func() string

	id       string
	now      time.Time // of the last call
	claimed  int       // how many attempts were made so far
	number   int       // how many ids were made so far
	fold     *fold
	caughtUp bool
	retired  bool                // its replica drains
	left     bool                // it writes nothing anymore
	attempts map[string]*attempt // by claim
	rivals   map[string][]*attempt
	probes   map[string]*attempt // by key
	idle     map[*attempt]struct{}
	ending   []ending

	differences differences
	freed       map[place]int // places that the replica has given up, and still has according to the log

	readAt    time.Time // when the last record was read
	beats     int64
	beatRead  int64 // number of the last own heartbeat that was read
	beatSent  time.Time
	beatOpen  bool
	beatAcked time.Time // when the last acknowledged one was sent
	unread    time.Time // when the first heartbeat was sent that was not read back; zero if all were
	patience  time.Duration
	called    bool // another replica has asked for a sign of life

	asked  int64                // how many questions were asked so far
	asking *asking              // the own question that is under way, or nil
	kept   map[string]time.Time // own questions and reports that are to stay in the log: when they were written, by key
	due    map[string]*question // the last questions of other runs that this one is to answer, by their runs

	cutOff    time.Time // since when this replica alone cannot write to the log, or cannot read it
	cut       int       // sessions that it has ended for that
	ticked    time.Time
	suspected map[string]time.Time
	swept     map[string]time.Time
	gone      map[string]int64 // runs that did not answer: the offset of their last record then
}

func newReplica(settings Settings, newRun func() string, write func([]Record, func(error)), conflict func(string)) *replica {
	r := &replica{settings: settings, write: write, conflict: conflict, newRun: newRun, id: newRun()}
	r.later = func(f func()) { f() }
	r.attempts, r.idle = make(map[string]*attempt), make(map[*attempt]struct{})
	r.restart()
	return r
}

// restart forgets the log, which is read again from its beginning.
func (r *replica) restart() {
	r.fold = newFold()
	r.caughtUp = false
	r.rivals, r.probes = make(map[string][]*attempt), make(map[string]*attempt)
	r.differences.clear()
	r.freed = make(map[place]int)
	r.suspected, r.swept, r.gone = make(map[string]time.Time), make(map[string]time.Time), make(map[string]int64)
	r.unread = time.Time{}
	r.hush()
}

// hush gives up the own question, and forgets those of others, and which records it has for them in the log.
func (r *replica) hush() {
	r.endAsking()
	r.kept, r.due = make(map[string]time.Time), make(map[string]*question)
}

// readToEnd tells that the log was read to its end. What the replica's connections hold or want and what the
// log has is compared as a whole.
func (r *replica) readToEnd(now time.Time) {
	if r.left {
		return
	}
	r.now, r.readAt, r.caughtUp = now, now, true
	if r.hasLapsed() {
		r.startNewRun()
		return
	}
	r.beat()
	r.compareAll()
}

// compareAll compares all that the replica holds or wants with what the log has. The pass writes the difference.
func (r *replica) compareAll() {
	r.differences.deferred = true
	if own := r.fold.runs[r.id]; own != nil {
		for _, key := range inOrder(own.keys) {
			r.compare(key)
		}
	}
	for _, a := range r.all() {
		r.resume(a)
	}
	r.differences.deferred = false
	r.reconcile()
}

// resume continues an attempt from what the log has of its claim.
func (r *replica) resume(a *attempt) {
	e := r.fold.claims[a.id]
	if e == nil || e.Replica != r.id || r.attempts[a.id] != a {
		r.decide(a)
		return
	}
	a.phase = proposing
	r.follow(a, e)
}

// ownEntry returns this run's claim where it is admitted, else nil.
func (r *replica) ownEntry(id string) *entry {
	if e := r.fold.claims[id]; e != nil && e.Replica == r.id && e.standing == holding {
		return e
	}
	return nil
}

// all returns all attempts, those that hold a session first.
func (r *replica) all() []*attempt {
	list := slices.AppendSeq(make([]*attempt, 0, len(r.attempts)+len(r.idle)), maps.Values(r.attempts))
	list = slices.AppendSeq(list, maps.Keys(r.idle))
	rank := func(a *attempt) int {
		if a.settled {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b *attempt) int { return cmp.Or(rank(a)-rank(b), a.number-b.number) })
	return list
}

// startNewRun continues under a new run id after the replica has read its own lapse: it announces its
// sessions again, and those whose place others have taken end.
func (r *replica) startNewRun() {
	r.hush()
	r.id = r.newRun()
	r.beat()
	r.compareAll()
}

func (r *replica) hasLapsed() bool {
	own := r.fold.runs[r.id]
	return own != nil && own.lapsed != nil
}

// evict ends an admitted claim of any replica. It returns false if there is none.
func (r *replica) evict(id string) bool {
	e := r.fold.claims[id]
	if e == nil || e.standing != holding {
		return false
	}
	c := e.claim
	c.State = evicted
	r.write([]Record{set(claimKey+id, &c)}, ignore)
	return true
}

func ignore(error) {}

// leave ends the run, and removes all its records from the log.
func (r *replica) leave() {
	r.left = true
	r.endAsking()
	if r.beats == 0 {
		return // it has never written
	}
	keys := make(map[string]struct{})
	if own := r.fold.runs[r.id]; own != nil {
		maps.Copy(keys, own.keys)
	}
	for key := range r.differences.byKey {
		keys[key] = struct{}{}
	}
	for key := range r.kept {
		keys[key] = struct{}{}
	}
	for id := range r.attempts {
		keys[claimKey+id] = struct{}{}
	}
	for _, key := range inOrder(keys) {
		if !strings.HasPrefix(key, replicaKey) {
			r.write([]Record{remove(key)}, ignore)
		}
	}
	r.write([]Record{remove(replicaKey + r.id)}, ignore)
}

// place is what a limit counts: the sessions of a group, or of a producing client.
type place struct {
	group  proxy.GroupID
	client proxy.ClientID
}

func placeOf(q *Request) place {
	if q.Kind == Consumer {
		return place{group: q.Group}
	}
	return place{client: q.Client}
}

func (c *claim) place() place {
	return placeOf(&Request{Kind: c.Kind, Group: c.Group, Client: c.Client})
}
