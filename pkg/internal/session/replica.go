package session

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The parts of a lease.
const (
	beatsPerLease = 5  // heartbeats
	gapsPerLease  = 3  // a gap between records counts for at most a third of the lease
	lapseKept     = 20 // leases after which no record of a lapsed run can arrive anymore
)

// phase is the state of an attempt to hold a session.
type phase uint8

const (
	queued     phase = iota // the log is not read to its end
	proposing               // its pending claim was appended, and not read back yet
	confirming              // it has won; its admitted claim was appended, and not read back yet
	held                    // it has the session
	waiting                 // until a rival is admitted or gone
	probing                 // a rival is asked for a sign of life
)

// attempt is the attempt of one connection to hold a session.
type attempt struct {
	request Request
	since   time.Time
	settle  func(*proxy.Error) // called once: with nil when admitted
	holder  Holder             // nil until the connection is open

	number  int // in the order of all attempts
	phase   phase
	settled bool
	over    *proxy.Error // why the session was lost
	id      string       // of its claim
	rival   string       // the id of the claim that has the identity
	probe   string       // the key of its probe
	probed  time.Time    // when the probe was read back
}

// replica is one replica's part in the log: what it writes, given what it reads and what its
// connections want. It has no clock, no goroutine and no lock of its own.
type replica struct {
	settings Settings
	write    func(...Record)
	later    func(func()) // runs the callback of a connection
	conflict func(outcome string)
	newRun   func() string

	id       string
	claimed  int // how many attempts were made so far
	number   int // how many ids were made so far
	fold     *fold
	caughtUp bool
	attempts map[string]*attempt // by claim
	rivals   map[string][]*attempt
	probes   map[string]*attempt // by key
	idle     map[*attempt]struct{}

	beats     int64
	beatSent  time.Time
	beatOpen  bool
	beatAcked time.Time // when the last acknowledged one was sent
	suspected map[string]time.Time
	swept     map[string]time.Time
	tidied    time.Time
}

func newReplica(settings Settings, newRun func() string, write func(...Record), conflict func(string)) *replica {
	r := &replica{settings: settings, write: write, conflict: conflict, newRun: newRun, id: newRun()}
	r.later = func(f func()) { f() }
	r.attempts, r.idle = make(map[string]*attempt), make(map[*attempt]struct{})
	r.restart()
	return r
}

// restart forgets the log, which is read again from its beginning.
func (r *replica) restart() {
	r.fold = newFold(r.settings.Lease/gapsPerLease, r.ended)
	r.caughtUp = false
	r.rivals, r.probes = make(map[string][]*attempt), make(map[string]*attempt)
	r.suspected, r.swept = make(map[string]time.Time), make(map[string]time.Time)
}

// readToEnd tells that the log was read to its end. The replica claims again each session that it
// holds or wants and that is not its own according to the log.
func (r *replica) readToEnd(now time.Time) {
	r.caughtUp = true
	r.beat(now)
	for _, a := range r.all() {
		if e := r.fold.claims[a.id]; a.phase != held || e == nil || e.standing != holding || e.Replica != r.id {
			r.again(a)
		}
	}
}

// all returns all attempts, those that hold a session first.
func (r *replica) all() []*attempt {
	var first, rest []*attempt
	for _, id := range inOrder(r.attempts) {
		a := r.attempts[id]
		if a.phase == held {
			first = append(first, a)
		} else {
			rest = append(rest, a)
		}
	}
	idle := slices.SortedFunc(maps.Keys(r.idle), func(a, b *attempt) int { return cmp.Compare(a.number, b.number) })
	return slices.Concat(first, rest, idle)
}

// claim begins an attempt.
func (r *replica) claim(now time.Time, request Request, settle func(*proxy.Error)) *attempt {
	r.claimed++
	a := &attempt{request: request, since: now, settle: settle, number: r.claimed}
	if !r.caughtUp {
		r.idle[a] = struct{}{}
		return a
	}
	r.propose(a, "")
	return a
}

// again starts an attempt over.
func (r *replica) again(a *attempt) {
	id := a.id
	r.forget(a)
	a.id = ""
	if a.phase == held || a.settled {
		a.id = id // sessions keep their name
	}
	r.propose(a, "")
}

// propose writes a pending claim, which takes over from the claim takes where that is set.
func (r *replica) propose(a *attempt, takes string) {
	delete(r.idle, a)
	if a.id == "" || !a.settled {
		a.id = r.name()
	}
	a.phase = proposing
	r.attempts[a.id] = a
	r.write(set(claimKey+a.id, r.value(a, pending, takes, time.Time{})))
}

// name returns a new id for a claim or a probe.
func (r *replica) name() string {
	r.number++
	return r.id + "." + strconv.Itoa(r.number)
}

func (r *replica) value(a *attempt, state claimState, takes string, asked time.Time) *claim {
	q := a.request
	c := &claim{
		State: state, Kind: q.Kind, Client: q.Client, Group: q.Group, Instance: q.Instance, Topic: q.Topic,
		Subject: q.Principal.Name, Method: q.Principal.Method,
		Replica: r.id, Server: r.settings.Server, Since: a.since.UnixMilli(),
		Limit: q.Limit, Partitions: q.Partitions, Takes: takes, Lease: r.settings.Lease.Milliseconds(),
	}
	if !asked.IsZero() {
		c.Asked = asked.UnixMilli()
	}
	return c
}

// release ends an attempt, whether it holds the session or not.
func (r *replica) release(a *attempt) {
	if a.id != "" && r.attempts[a.id] == a {
		r.write(remove(claimKey + a.id))
	}
	r.forget(a)
	a.settled = true
}

// forget removes an attempt from all maps.
func (r *replica) forget(a *attempt) {
	delete(r.idle, a)
	if r.attempts[a.id] == a {
		delete(r.attempts, a.id)
	}
	r.unprobe(a)
	if a.rival != "" {
		r.rivals[a.rival] = without(r.rivals[a.rival], a)
		if len(r.rivals[a.rival]) == 0 {
			delete(r.rivals, a.rival)
		}
		a.rival = ""
	}
}

func without(list []*attempt, a *attempt) []*attempt {
	for i := range list {
		if list[i] == a {
			list[i] = list[len(list)-1]
			return list[:len(list)-1]
		}
	}
	return list
}

// unprobe removes an attempt's probe.
func (r *replica) unprobe(a *attempt) {
	if a.probe == "" {
		return
	}
	r.write(remove(a.probe))
	delete(r.probes, a.probe)
	a.probe, a.probed = "", time.Time{}
}

// end tells an attempt that it has failed, or that its session is over.
func (r *replica) end(a *attempt, e *proxy.Error) {
	r.forget(a)
	if !a.settled {
		a.settled = true
		a.settle(e)
		return
	}
	a.over = e
	if a.holder != nil {
		a.holder.Lose(e)
	}
}

// evict removes an admitted claim of any replica. It returns false if there is none.
func (r *replica) evict(id string) bool {
	e := r.fold.claims[id]
	if e == nil || e.standing != holding {
		return false
	}
	r.write(remove(claimKey + id))
	return true
}

// fenced tells whether no heartbeat of the replica was acknowledged for its lease.
func (r *replica) fenced(now time.Time) bool {
	return now.Sub(r.beatAcked) > r.settings.Lease
}

// beat writes a heartbeat.
func (r *replica) beat(now time.Time) {
	r.beats++
	r.beatSent, r.beatOpen = now, true
	r.write(set(replicaKey+r.id, &beat{Server: r.settings.Server, Count: r.beats}))
}

// isBeat tells whether a record is a heartbeat of this run.
func (r *replica) isBeat(record Record) bool { return record.Key == replicaKey+r.id }

// beaten takes the result of the heartbeat that was sent at a time.
func (r *replica) beaten(sent time.Time, err error) {
	if sent.Equal(r.beatSent) {
		r.beatOpen = false
	}
	if err == nil && sent.After(r.beatAcked) {
		r.beatAcked = sent
	}
}

// leave ends the run, and removes all its records from the log.
func (r *replica) leave() {
	for _, a := range r.all() {
		r.release(a)
	}
	if own := r.fold.runs[r.id]; own != nil {
		for _, key := range inOrder(own.keys) {
			if !strings.HasPrefix(key, replicaKey) {
				r.write(remove(key))
			}
		}
	}
	r.write(remove(replicaKey + r.id))
}
