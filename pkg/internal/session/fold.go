package session

import (
	"container/heap"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// standing is what a claim amounts to.
type standing uint8

const (
	void     standing = iota // it counts for nothing, and its key is to be removed
	refused                  // pending, and judged to lose
	reserved                 // pending, and judged to win
	holding                  // admitted
)

// entry is a claim in the log.
type entry struct {
	claim
	id       string
	at       time.Time // of its record
	standing standing
	ruling   ruling // of a refused one
	expires  time.Time
	// topicAhead tells that an heir has a slot in its topic already: the old session was for
	// another one.
	topicAhead bool
	index      int // in the queue of pending claims, -1 where it is not
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
	keys map[string]struct{} // the records that say so
}

type groupTopic struct {
	group proxy.GroupID
	topic string
}

// fold is what a prefix of the log amounts to.
type fold struct {
	gap time.Duration // most by which log time advances from one record to the next

	claims  map[string]*entry
	holders map[identity]*entry // reserved or holding
	heirs   map[identity]*entry // reserved, in the place of a holder that is still there
	groups  map[proxy.GroupID]int
	topics  map[groupTopic]int
	clients map[proxy.ClientID]int // sessions of producers
	waiting expiries               // pending claims, by when they are void
	runs    map[string]*run
	owners  map[string]string // the run that wrote a key
	probes  map[string]*probe

	next    int64         // offset, of the next record
	now     time.Duration // log time
	latest  time.Time     // newest timestamp
	skipped int           // records that could not be read

	// ended is told of claims that held a slot, or had it reserved, and do not anymore.
	ended func(*entry)
}

func newFold(gap time.Duration, ended func(*entry)) *fold {
	return &fold{
		gap: gap, ended: ended,
		claims: make(map[string]*entry), holders: make(map[identity]*entry), heirs: make(map[identity]*entry),
		groups: make(map[proxy.GroupID]int), topics: make(map[groupTopic]int), clients: make(map[proxy.ClientID]int),
		runs: make(map[string]*run), owners: make(map[string]string), probes: make(map[string]*probe),
	}
}

// apply adds the next record. It returns what the record says, nil for a removal.
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

// pass lets time pass to that of a record.
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

// wrote notes that a run has written a key.
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

// drop takes back what a key said. A claim that goes from pending to admitted keeps its slot.
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

// replace takes back the earlier record of a claim. Where the claim stays the same one in
// next, nobody is told of its end.
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

// admit gives a slot to an admitted claim, whatever is only reserved.
func (f *fold) admit(e *entry) {
	id := e.identity()
	switch h := f.holders[id]; {
	case h == nil:
	case h.standing == reserved:
		f.end(h)
	default:
		return // void: somebody else holds it
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
		f.heirs[e.identity()] = e
		e.topicAhead = e.Kind == Consumer && e.Topic != holder.Topic
		if e.topicAhead {
			add(f.topics, groupTopic{e.Group, e.Topic}, 1)
		}
		return
	}
	f.holders[e.identity()] = e
	f.count(e, 1)
}

// end makes a claim void, and tells of it where it had a slot.
func (f *fold) end(e *entry) {
	had := e.standing
	f.vacate(e)
	if had >= reserved {
		f.ended(e)
	}
}

// vacate takes a claim's slot away. An heir steps in at once.
func (f *fold) vacate(e *entry) {
	if e.index >= 0 {
		heap.Remove(&f.waiting, e.index)
	}
	e.standing = void
	id := e.identity()
	if f.heirs[id] == e {
		f.unheir(e)
	}
	if f.holders[id] != e {
		return
	}
	f.count(e, -1)
	delete(f.holders, id)
	if heir := f.heirs[id]; heir != nil {
		f.unheir(heir)
		f.holders[id] = heir
		f.count(heir, 1)
	}
}

// unheir takes an heir out of the line.
func (f *fold) unheir(e *entry) {
	delete(f.heirs, e.identity())
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

// addLapse ends a run. The lapse is void if it comes more than a lease after it was judged:
// who wrote it was stopped meanwhile, and the run may have gone on. Each replica has a key of
// its own for it: a void record must not replace a good one.
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

// dropLapse forgets a record of a lapse, and with the last one the run.
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
