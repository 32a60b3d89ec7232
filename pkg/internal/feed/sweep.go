package feed

import (
	"context"
	"errors"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mostSwept is how many records a sweep reads at most.
const mostSwept = 200_000

// errSwept ends a sweep that does not find what the ring has. Its tails read the log each for itself.
var errSwept = errors.New("the log is not what the ring has, or is too much")

// sweptWaits is how many times longer than a catch-up a sweep waits for records, which the ring has: a busy broker may take
// its time, and the log may be truncated, which the ring learns in the end.
const sweptWaits = 10

// sweeps has tails with conditions join a ring from places on that it has. The ring does not have the contents of its
// records: a sweep reads these from the log, once for all tails that wait. Those who come meanwhile share the next one.
type sweeps struct {
	mu      sync.Mutex // guards what follows
	running bool
	next    *sweep // nil where nobody waits
}

// sweep reads the log from the lowest place of its tails to where the ring was when it began.
type sweep struct {
	tails   []*swept
	done    chan struct{}  // closed when those have joined that can
	filters map[string]int // by their texts, their numbers
	trees   []*Filter      // by their numbers
	from    proxy.Places
	until   proxy.Places
	records map[int32][]sweptRecord // of partitions, in their order
	count   int
	most    int // of them
}

// sweptRecord is a record that was read, and the numbers of the filters that it meets.
type sweptRecord struct {
	offset int64
	epoch  int32
	meets  []int
}

// swept is a tail that waits for a sweep. What the ring gets meanwhile is in the tail's queue.
type swept struct {
	tail      *Tail
	at        proxy.Places
	selection *Selection // when the sweep began
	joining   *joining   // that the tail has as long as its queue is complete
	live      bool
}

func newSweep(most int) *sweep {
	return &sweep{done: make(chan struct{}), filters: map[string]int{}, records: map[int32][]sweptRecord{}, most: most}
}

// canSweep tells whether a sweep can have the tail join the ring.
func (t *Tail) canSweep(at proxy.Places) bool {
	wanted := t.wanted()
	return wanted != nil && wanted.Where != nil && t.audience.conflator == nil && !at.HaveTimes() && t.audience.ring.canJoin(at)
}

// join waits for a sweep, and tells whether the tail is live behind it.
func (s *sweeps) join(ctx context.Context, t *Tail, at proxy.Places) (live bool) {
	mine := &swept{tail: t, at: at.Clone()}
	sweep := s.add(mine)
	if sweep == nil {
		return false
	}
	select {
	case <-sweep.done:
		return mine.live
	case <-ctx.Done():
		return false
	}
}

// add returns the next sweep, to which a tail is added, or nil where the log has ended.
func (s *sweeps) add(c *swept) *sweep {
	l, a := c.tail.log, c.tail.audience
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ended {
			return nil
		}
		s.running = true
		l.building.Go(func() { s.run(l, a) })
	}
	if s.next == nil {
		s.next = newSweep(mostSwept)
	}
	s.next.tails = append(s.next.tails, c)
	return s.next
}

// run makes sweeps while somebody waits for one.
func (s *sweeps) run(l *Log, a *audience) {
	for {
		err := l.takeTurn(l.gone) // meanwhile others may come
		next := s.take()
		if next != nil && err == nil {
			next.run(l, a)
		}
		if err == nil {
			<-l.turns
		}
		if next == nil {
			return
		}
		close(next.done)
	}
}

// take returns the next sweep, or nil where nobody waits for one.
func (s *sweeps) take() *sweep {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next
	s.next, s.running = nil, next != nil
	return next
}

// run has the tails join the ring, as far as they can.
func (s *sweep) run(l *Log, a *audience) {
	if s.begin(l, a) && s.read(l) == nil {
		s.end(l, a)
	}
}

// begin has the queues of the tails get what comes. It returns false if there is nothing to read.
func (s *sweep) begin(l *Log, a *audience) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	end := a.ring.end()
	s.until = a.ring.places()
	if s.until.HaveTimes() {
		return false
	}
	for _, c := range s.tails {
		c.begin(s, a.ring, end)
	}
	return s.from != nil
}

// begin has the queue of a tail get what comes from the end of the ring on. The lock of the log is held.
func (c *swept) begin(s *sweep, r *ring, end spot) {
	t := c.tail
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended.Err() != nil || t.selection == nil || t.selection.Where == nil || !r.canJoin(c.at) {
		return
	}
	c.selection, c.joining = t.selection, &joining{until: s.until, spot: end}
	t.joining, t.queue = c.joining, t.openQueue()
	s.want(t.selection.Where)
	s.widen(c.at)
}

// want has a filter evaluated.
func (s *sweep) want(f *Filter) {
	if _, is := s.filters[f.text]; !is {
		s.filters[f.text] = len(s.trees)
		s.trees = append(s.trees, f)
	}
}

// widen has the sweep begin at places, or before.
func (s *sweep) widen(at proxy.Places) {
	if s.from == nil {
		s.from = make(proxy.Places, len(s.until))
		for partition := range s.until {
			s.from[partition] = at[partition]
		}
		return
	}
	for partition, place := range s.from {
		if here := at[partition]; here.Offset < place.Offset {
			s.from[partition] = here
		}
	}
}

// read reads the log, and evaluates each filter once for each record.
func (s *sweep) read(l *Log) error {
	at := s.from.Clone()
	reader, err := l.source.Read(l.gone, at.Clone())
	if err != nil {
		return err //nolint:wrapcheck // told to nobody
	}
	defer reader.Close()
	for !at.Passes(s.until) {
		batch, err := pollBriefly(l.gone, reader, sweptWaits*l.options.Retry)
		if err != nil {
			return err
		}
		if len(batch.Gaps) > 0 || len(batch.Next) == 0 { // the log was truncated, or ends before the ring does
			return errSwept
		}
		for i := range batch.Records {
			s.meet(&batch.Records[i])
		}
		if at.Pass(batch); s.count > s.most {
			return errSwept
		}
	}
	return nil
}

// meet notes which filters a record meets. What follows the end is in the queues.
func (s *sweep) meet(r *proxy.Record) {
	if r.Offset >= s.until[r.Partition].Offset {
		return
	}
	met := sweptRecord{offset: r.Offset, epoch: r.Epoch}
	for n, f := range s.trees {
		if f.Matches(r) {
			met.meets = append(met.meets, n)
		}
	}
	s.records[r.Partition] = append(s.records[r.Partition], met)
	s.count++
}

// end has the tails join the ring, those whose queues are complete.
func (s *sweep) end(l *Log, a *audience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lie, found := s.find(a.ring)
	for _, c := range s.tails {
		if c.joining == nil {
			continue
		}
		c.tail.mu.Lock()
		c.live = found && c.join(lie[s.filters[c.selection.Where.text]], a)
		if !c.live && c.tail.joining == c.joining {
			c.tail.joining, c.tail.queue = nil, queue{}
		}
		c.tail.mu.Unlock()
	}
}

// find returns where the records lie that meet each filter. It returns false if the ring has a record that the sweep has
// not met, or another one in its place: then it is not known which are wanted.
func (s *sweep) find(r *ring) (lie [][]location, found bool) {
	lie = make([][]location, len(s.trees))
	r.mu.RLock()
	defer r.mu.RUnlock()
	found = r.walk(r.first, 0, func(c *chunk, at location) bool {
		partition, offset := c.partitions[at.record], c.offsets[at.record]
		if offset < s.from[partition].Offset || offset >= s.until[partition].Offset {
			return true
		}
		met, is := s.take(partition, offset)
		if !is || met.epoch != c.epochs[at.record] {
			return false
		}
		for _, n := range met.meets {
			lie[n] = append(lie[n], at)
		}
		return true
	})
	return lie, found
}

// take returns the record at an offset, once. Those before it are not in the ring anymore.
func (s *sweep) take(partition int32, offset int64) (sweptRecord, bool) {
	records := s.records[partition]
	for len(records) > 0 && records[0].offset < offset {
		records = records[1:]
	}
	if s.records[partition] = records; len(records) == 0 || records[0].offset != offset {
		return sweptRecord{}, false
	}
	return records[0], true
}

// join has the tail read the ring from its places on: what lies there and meets its filter comes before what its queue got
// during the sweep. The locks of the log and of the tail are held.
func (c *swept) join(lie []location, a *audience) bool {
	t := c.tail
	if t.ended.Err() != nil || t.joining != c.joining || t.queue.overflow {
		return false
	}
	q := t.openQueue()
	q.behind = true // as in goLiveWithin
	joined, ok := a.ring.joinListed(c.at, c.selection, lie, t.queue.records[t.queue.done:], func(c *chunk, at location) bool {
		return q.pushFrom(c, at, a.batch)
	})
	return ok && t.liveWith(joined, q)
}
