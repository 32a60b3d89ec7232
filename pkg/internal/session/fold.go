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
	ruling   ruling // of a refused claim
	expires  time.Time
	// topicAhead tells that a successor has a slot in its topic already: the old session is for
	// another topic.
	topicAhead bool
	index      int // in the queue of pending claims, -1 where it is not in it
}

// run is a run of a replica: from its start, or from its last lapse.
type run struct {
	heard  time.Duration // log time of its last record
	last   int64         // offset of its last record
	keys   map[string]struct{}
	lapsed *lapsed
}

// lapsed is the end of a run.
type lapsed struct {
	by   string
	at   time.Time
	keys map[string]struct{} // of the lapses that end it
}

type groupTopic struct {
	group proxy.GroupID
	topic string
}

// fold is the state that a prefix of the log results in.
type fold struct {
	gap time.Duration // most by which log time advances from one record to the next

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

	next    int64         // offset, of the next record
	now     time.Duration // log time
	latest  time.Time     // newest timestamp
	skipped int           // records that could not be read

	// ended is called with each claim that has lost a slot that it held or had reserved.
	ended func(*entry)
}

func newFold(gap time.Duration, ended func(*entry)) *fold {
	return &fold{
		gap: gap, ended: ended,
		claims: make(map[string]*entry), holders: make(map[identity]*entry), successors: make(map[identity]*entry),
		groups: make(map[proxy.GroupID]int), topics: make(map[groupTopic]int), clients: make(map[proxy.ClientID]int),
		runs: make(map[string]*run), owners: make(map[string]string), probes: make(map[string]*probe),
	}
}

// apply adds the next record. It returns the decoded value, nil for a removal.
func (f *fold) apply(l logged) any {
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
		f.wrote(r.Replica, l.offset, l.key)
		f.addClaim(id, l.at, r)
	case *beat:
		f.wrote(id, l.offset, l.key)
	case *suspicion:
		f.wrote(r.By, l.offset, l.key)
	case *probe:
		f.wrote(r.By, l.offset, l.key)
		f.probes[id] = r
	case *lapse:
		f.addLapse(l.key, l.offset, l.at, r)
	}
	return l.record
}

// pass advances log time to the timestamp of a record.
func (f *fold) pass(at time.Time) {
	if !f.latest.IsZero() {
		f.now += min(max(at.Sub(f.latest), 0), f.gap)
	}
	if at.After(f.latest) {
		f.latest = at
	}
	for len(f.waiting) > 0 && at.After(f.waiting[0].expires) {
		f.end(f.waiting[0])
	}
}

// wrote records that a run has written a key.
func (f *fold) wrote(id string, offset int64, key string) {
	r := f.run(id)
	r.heard, r.last = f.now, offset
	r.keys[key] = struct{}{}
	f.owners[key] = id
}

func (f *fold) run(id string) *run {
	r := f.runs[id]
	if r == nil {
		r = &run{heard: f.now, last: -1, keys: make(map[string]struct{})}
		f.runs[id] = r
	}
	return r
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

// addClaim judges a claim at its place in the log.
func (f *fold) addClaim(id string, at time.Time, c *claim) {
	e := &entry{claim: *c, id: id, at: at, index: -1}
	before := f.claims[id]
	f.claims[id] = e
	lease := time.Duration(c.Lease) * time.Millisecond
	switch {
	case f.runs[c.Replica].lapsed != nil, c.State == admitted && at.Sub(time.UnixMilli(c.Asked)) > lease:
		f.replace(before, nil)
	case c.State == admitted:
		f.replace(before, e)
		f.admit(e)
	default:
		f.replace(before, nil)
		e.expires = at.Add(lease)
		heap.Push(&f.waiting, e)
		f.reserve(e)
	}
}

// replace undoes the earlier record of a claim. Where next continues the same claim, ended is not
// called.
func (f *fold) replace(before, next *entry) {
	if before == nil {
		return
	}
	if next != nil {
		f.vacate(before)
		return
	}
	f.end(before)
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
		e.topicAhead = e.Kind == Consumer && e.Topic != holder.Topic
		if e.topicAhead {
			add(f.topics, groupTopic{e.Group, e.Topic}, 1)
		}
		return
	}
	f.holders[e.identity()] = e
	f.count(e, 1)
}

// end makes a claim void, and calls ended if the claim had a slot.
func (f *fold) end(e *entry) {
	had := e.standing
	f.vacate(e)
	if had >= reserved {
		f.ended(e)
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
	add(f.topics, groupTopic{e.Group, e.Topic}, by)
}

func add[K comparable](counts map[K]int, key K, by int) {
	if counts[key] += by; counts[key] == 0 {
		delete(counts, key)
	}
}

// addLapse ends a run. The lapse is void if it comes more than a lease after it was judged: its
// writer was stopped meanwhile, and the run may have gone on. Each replica writes lapses under
// keys of its own: a void record must not replace a valid one.
func (f *fold) addLapse(key string, offset int64, at time.Time, l *lapse) {
	if at.Sub(time.UnixMilli(l.Asked)) > time.Duration(l.Lease)*time.Millisecond {
		f.wrote(l.By, offset, key)
		return
	}
	r := f.run(lapseOf(key))
	if r.lapsed != nil {
		r.lapsed.keys[key] = struct{}{}
		return
	}
	r.lapsed = &lapsed{by: l.By, at: at, keys: map[string]struct{}{key: {}}}
	for _, key := range inOrder(r.keys) {
		if e := f.claims[strings.TrimPrefix(key, claimKey)]; e != nil && strings.HasPrefix(key, claimKey) {
			f.end(e)
		}
	}
}

// dropLapse removes a lapse of a run. Without any lapse and any key the run is removed, too.
func (f *fold) dropLapse(key string) {
	id := lapseOf(key)
	r := f.runs[id]
	if r == nil || r.lapsed == nil {
		return
	}
	delete(r.lapsed.keys, key)
	if len(r.lapsed.keys) > 0 {
		return
	}
	r.lapsed = nil
	if len(r.keys) == 0 {
		delete(f.runs, id)
	}
}

// lapseOf returns the run that a lapse's key is about.
func lapseOf(key string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, lapseKey), "/")
	return id
}

// expiries is a heap of pending claims.
type expiries []*entry

// Len implements heap.Interface.
func (q *expiries) Len() int { return len(*q) }

// Less implements heap.Interface.
func (q *expiries) Less(i, j int) bool { return (*q)[i].expires.Before((*q)[j].expires) }

// Swap implements heap.Interface.
func (q *expiries) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].index, (*q)[j].index = i, j
}

// Push implements heap.Interface.
func (q *expiries) Push(x any) {
	e, _ := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *expiries) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}
