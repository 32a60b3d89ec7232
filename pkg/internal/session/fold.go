package session

import (
	"container/heap"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// standing is the state of a claim in the fold.
type standing uint8

const (
	void     standing = iota // without effect; its key is to be removed
	refused                  // pending, and judged to lose
	reserved                 // pending, and judged to win
	holding                  // admitted
)

// entry is a claim in the log.
type entry struct {
	claim
	id       string
	at       time.Time // timestamp of its record
	standing standing
	ruling   ruling        // of a refused claim
	expires  time.Duration // of a pending claim: it is void when more time has elapsed
	// topicAhead tells that a successor has a slot in its topic already: the old session has none there.
	topicAhead bool
	index      int // in the queue of pending claims, -1 where it is not in it
}

type groupTopic struct {
	group proxy.GroupID
	topic string
}

// fold is the state that a prefix of the log results in.
type fold struct {
	claims     map[string]*entry
	holders    map[identity]*entry // reserved or holding
	successors map[identity]*entry // reserved, to take over from a holder that is still there
	groups     map[proxy.GroupID]int
	topics     map[groupTopic]int
	clients    map[proxy.ClientID]int // sessions of producers
	waiting    expiries               // pending claims, by the time at which they become void
	runs       map[string]*run
	owners     map[string]string // the run that wrote a key
	probes     map[string]*probe

	next     int64         // offset, of the next record
	now      time.Duration // log time: each gap between records counts for at most maxGap
	elapsed  time.Duration // each gap counts in full
	previous time.Time     // timestamp of the record before
	skipped  int           // records that could not be read
	ended    []*entry      // claims that have lost, by the last record, a slot that they held or had reserved
}

// maxGap is how much of the time between two records counts as log time. While a replica lives there is a
// record at least that often, so a longer gap is an outage of Kafka, or a leader whose clock is ahead.
const maxGap = time.Second

func newFold() *fold {
	return &fold{
		claims: make(map[string]*entry), holders: make(map[identity]*entry), successors: make(map[identity]*entry),
		groups: make(map[proxy.GroupID]int), topics: make(map[groupTopic]int), clients: make(map[proxy.ClientID]int),
		runs: make(map[string]*run), owners: make(map[string]string), probes: make(map[string]*probe),
	}
}

// apply adds the next record. It returns the decoded value, nil for a removal.
func (f *fold) apply(l logged) any {
	f.ended = f.ended[:0]
	if l.offset < f.next {
		return nil
	}
	f.next = l.offset + 1
	f.pass(l.at)
	if l.unread {
		f.skipped++
	}
	f.drop(l.key, l.record)
	if l.record == nil {
		return nil
	}
	id := l.key[strings.IndexByte(l.key, '/')+1:]
	switch r := l.record.(type) {
	case *claim:
		f.own(r.Replica, l.key)
		if r.State != evicted { // which any replica writes
			f.heard(r.Replica, l.offset)
		}
		f.addClaim(id, l.at, r)
	case *beat:
		f.own(id, l.key)
		f.heard(id, l.offset)
		f.runs[id].lease = time.Duration(r.Lease) * time.Millisecond
		f.runs[id].leaves, f.runs[id].pool = r.Leaves, r.Pool
		f.runs[id].server, f.runs[id].reports = r.Server, r.Reports
	case *suspicion:
		f.own(r.By, l.key)
		f.heard(r.By, l.offset)
	case *probe:
		f.addProbe(id, l, r)
	case *lapse:
		f.addLapse(l.key, l.offset, l.at, r)
	case *question: // which is no sign of life, as earlier versions see it; nor is a report
		f.own(r.By, l.key)
	case *report:
		f.own(r.By, l.key)
	}
	return l.record
}

// pass advances the times to the timestamp of a record.
func (f *fold) pass(at time.Time) {
	if !f.previous.IsZero() {
		step := max(at.Sub(f.previous), 0)
		f.elapsed += step
		f.now += min(step, maxGap)
	}
	f.previous = at
	for len(f.waiting) > 0 && f.elapsed > f.waiting[0].expires {
		f.end(f.waiting[0])
	}
}

// drop undoes the earlier record of a key. A claim that goes from pending to admitted keeps its slot.
func (f *fold) drop(key string, next any) {
	if owner, ok := f.owners[key]; ok {
		delete(f.owners, key)
		r := f.runs[owner]
		delete(r.keys, key)
		if len(r.keys) == 0 && r.lapsed == nil && next == nil {
			delete(f.runs, owner)
		}
	}
	switch id := key[strings.IndexByte(key, '/')+1:]; {
	case strings.HasPrefix(key, claimKey):
		if _, same := next.(*claim); f.claims[id] != nil && !same {
			f.end(f.claims[id])
			delete(f.claims, id)
		}
	case strings.HasPrefix(key, probeKey):
		delete(f.probes, id)
	case strings.HasPrefix(key, lapseKey):
		f.dropLapse(key)
	}
}

// addProbe adds a probe, or the answer to it: that is a sign of life of the replica that answers, and its
// key stays with the replica that asked.
func (f *fold) addProbe(id string, l logged, p *probe) {
	f.probes[id] = p
	f.own(p.By, l.key)
	switch {
	case !p.Alive:
		f.heard(p.By, l.offset)
	case f.runs[p.From] != nil:
		f.heard(p.From, l.offset)
	}
}

// addClaim judges a claim at its place in the log. A claim that is written again is judged anew.
func (f *fold) addClaim(id string, at time.Time, c *claim) {
	e := &entry{claim: *c, id: id, at: at, index: -1}
	before := f.claims[id]
	had := before != nil && before.standing >= reserved
	if before != nil {
		f.vacate(before)
	}
	f.claims[id] = e
	switch {
	case c.State == evicted, f.runs[c.Replica].lapsed != nil, c.State == admitted && late(at, c.Asked, c.Valid):
	case c.State == admitted:
		f.admit(e)
	default:
		e.expires = f.elapsed + time.Duration(c.Valid)*time.Millisecond
		heap.Push(&f.waiting, e)
		f.reserve(e)
	}
	if had && e.standing < reserved {
		f.ended = append(f.ended, e)
	}
}

// late tells whether a record was written too long after what it follows from was asked, or by so different a
// clock that nobody can tell. asked and within are in ms.
func late(at time.Time, asked, within int64) bool {
	return at.Sub(time.UnixMilli(asked)).Abs() > time.Duration(within)*time.Millisecond
}

// admit gives a slot to an admitted claim. It ends another claim that is only reserved.
func (f *fold) admit(e *entry) {
	id := e.identity()
	switch h := f.holders[id]; {
	case h == nil:
	case h.standing == reserved:
		f.end(h)
	default:
		return // void: another claim holds the slot
	}
	e.standing = holding
	f.holders[id] = e
	f.count(e, 1)
}

// reserve judges a pending claim.
func (f *fold) reserve(e *entry) {
	e.ruling = f.judge(e)
	if e.ruling.outcome != won {
		e.standing = refused
		return
	}
	e.standing = reserved
	if holder := f.holders[e.identity()]; holder != nil {
		f.successors[e.identity()] = e
		e.topicAhead = e.needsPlace(holder)
		if e.topicAhead {
			add(f.topics, groupTopic{e.Group, e.Topic}, 1)
		}
		return
	}
	f.holders[e.identity()] = e
	f.count(e, 1)
}

// end makes a claim void, and notes it if the claim had a slot.
func (f *fold) end(e *entry) {
	had := e.standing
	f.vacate(e)
	if had >= reserved {
		f.ended = append(f.ended, e)
	}
}

// vacate takes a claim's slot away. A successor gets it at once.
func (f *fold) vacate(e *entry) {
	if e.index >= 0 {
		heap.Remove(&f.waiting, e.index)
	}
	e.standing = void
	id := e.identity()
	if f.successors[id] == e {
		f.dropSuccessor(e)
	}
	if f.holders[id] != e {
		return
	}
	f.count(e, -1)
	delete(f.holders, id)
	if next := f.successors[id]; next != nil {
		f.dropSuccessor(next)
		f.holders[id] = next
		f.count(next, 1)
	}
}

// dropSuccessor removes a claim from the successors.
func (f *fold) dropSuccessor(e *entry) {
	delete(f.successors, e.identity())
	if e.topicAhead {
		add(f.topics, groupTopic{e.Group, e.Topic}, -1)
		e.topicAhead = false
	}
}

func (f *fold) count(e *entry, by int) {
	if e.Kind == Producer {
		add(f.clients, e.Client, by)
		return
	}
	add(f.groups, e.Group, by)
	if e.isCapped() {
		add(f.topics, groupTopic{e.Group, e.Topic}, by)
	}
}

// isCapped tells whether the partitions of its topic bound how many sessions there are of its kind. Those of queues, which share
// the records of partitions, neither need such a place nor take one from a consumer.
func (e *entry) isCapped() bool { return e.Kind == Consumer && e.Partitions > 0 }

// needsPlace tells whether a successor needs a place in its topic, since the session before it has none there.
func (e *entry) needsPlace(holder *entry) bool {
	return e.isCapped() && (e.Topic != holder.Topic || !holder.isCapped())
}

func add[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}
