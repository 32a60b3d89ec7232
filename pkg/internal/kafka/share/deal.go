package share

import (
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// recordOverhead is about what a record takes in memory besides its bytes.
const recordOverhead = 200

// acquired is an offset that the member has acquired.
type acquired struct {
	offset int64
	count  int // of its deliveries
	record *proxy.Record
	// refuse is what is to be told about an offset without a record.
	refuse ack
}

// deal gives acquired records to the workers, each to the one that holds the fewest. What finds no place is given back.
func (l *ledger) deal(p *partition, all []acquired, until, now time.Time) {
	for i := range all {
		a := &all[i]
		p.last = max(p.last, a.offset)
		if earlier := p.held[a.offset]; earlier != nil { // its lock has ended, or Kafka would not have given it again
			l.lapse(earlier)
		}
		h := &hold{partition: p, offset: a.offset, until: until, expiry: -1}
		if a.record == nil {
			l.hold(h)
			l.request(h, ask{ack: a.refuse})
			continue
		}
		h.timestamp = a.record.Timestamp
		w := l.choose(p.id.topic, now)
		l.hold(h)
		if w == nil {
			l.request(h, ask{ack: release})
			continue
		}
		w.remember(h)
		l.rerank(w)
		w.push(event{hold: h, bytes: recordOverhead + cluster.BatchSize(a.record), delivery: proxy.Delivery{Record: *a.record, Count: a.count, Until: until.UnixMilli()}})
		l.observer.Dealt(a.count)
	}
}

// choose returns the worker that is to have the next record of a topic, or nil if none has room.
func (l *ledger) choose(id [16]byte, now time.Time) *Worker {
	t := l.topics[id]
	if t == nil || len(t.rank) == 0 {
		return nil
	}
	w := t.rank[0]
	l.deals++
	w.dealt = l.deals
	w.spend(now)
	return w
}

// grant is the leave to acquire records.
type grant struct {
	partitions []*partition
	topics     []*topic
	records    int
	scarce     bool // another source waits for places, or may soon
}

// reserve takes places for a fetch from a source, given what will be told to Kafka with it. If there are none, it returns
// in how long a worker's rate may make some, or 0.
func (l *ledger) reserve(s *source, with []*hold, now time.Time) (g grant, wait time.Duration) {
	promise(with)
	defer unpromise(with)
	for _, t := range s.topics(l) {
		room, soon := t.room(l, now)
		if soon > 0 && (wait == 0 || soon < wait) {
			wait = soon
		}
		n := t.share(l, s, room)
		if n <= 0 {
			continue
		}
		g.topics = append(g.topics, t)
		if g.records == 0 || n < g.records {
			g.records = n
		}
	}
	for _, t := range g.topics {
		t.reserved += g.records
		g.scarce = g.scarce || t.isScarce(l, now)
	}
	for _, p := range s.leads {
		if l.topics[p.id.topic].isAmong(g.topics) {
			g.partitions = append(g.partitions, p)
		}
	}
	s.busy = len(g.topics) > 0
	return g, wait
}

// promise counts the places that are free when what is asked about records is done.
func promise(records []*hold) {
	for _, h := range records {
		if h.worker != nil && h.ask.ack.settles() {
			h.worker.promised++
		}
	}
}

func unpromise(records []*hold) {
	for _, h := range records {
		if h.worker != nil {
			h.worker.promised = 0
		}
	}
}

// giveUp returns the places of a grant that are not used.
func (l *ledger) giveUp(s *source, g grant) {
	s.busy = false
	for _, t := range g.topics {
		t.reserved -= g.records
		t.wakeHungry()
	}
}

// topics returns the topics whose records come from the source.
func (s *source) topics(l *ledger) (all []*topic) {
	for id := range s.leads {
		if t := l.topics[id.topic]; t != nil && !t.isAmong(all) {
			all = append(all, t)
		}
	}
	return all
}

func (t *topic) isAmong(some []*topic) bool {
	return slices.Contains(some, t)
}

// room returns how many records the workers can take that are not reserved, and in how long a rate may make more room.
func (t *topic) room(l *ledger, now time.Time) (n int, soon time.Duration) {
	for w := range t.workers {
		if w.rate != nil {
			wait := w.refill(now)
			l.rerank(w)
			if wait > 0 && w.window > w.holds && (soon == 0 || wait < soon) {
				soon = wait
			}
		}
		if !w.closed && w.err == nil {
			n += max(0, min(w.window-w.holds+w.promised, w.allowance()))
		}
	}
	return max(0, n-t.reserved), soon
}

// share returns how many of the free places a source may take: those are divided among the sources that fetch. One that
// gets none waits behind the others that do.
func (t *topic) share(l *ledger, s *source, room int) int {
	ahead, at := len(t.hungry), -1
	for i, other := range t.hungry {
		if other == s {
			ahead, at = i, i
		}
	}
	if room-ahead <= 0 {
		if at < 0 {
			t.hungry = append(t.hungry, s)
		}
		return 0
	}
	if at >= 0 {
		t.hungry = append(t.hungry[:at], t.hungry[at+1:]...)
	}
	idle := 1 // sources that may want places now, this one included
	for _, other := range l.sourcesOf(t) {
		if other != s && !other.busy {
			idle++
		}
	}
	return max(1, (room-ahead)/idle)
}

// isScarce tells whether a source that waits for places may find none.
func (t *topic) isScarce(l *ledger, now time.Time) bool {
	if len(t.hungry) > 0 {
		return true
	}
	room, _ := t.room(l, now)
	idle := 0
	for _, other := range l.sourcesOf(t) {
		if !other.busy {
			idle++
		}
	}
	return room < idle-1 // the source that asks is not busy yet
}

// sourcesOf returns the sources of a topic.
func (l *ledger) sourcesOf(t *topic) (all []*source) {
	for id, p := range l.partitions {
		if id.topic != t.id || p.source == nil || p.source.leads[id] == nil {
			continue
		}
		known := false
		for _, one := range all {
			known = known || one == p.source
		}
		if !known {
			all = append(all, p.source)
		}
	}
	return all
}
