package feed

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// conflator lets at most one record of each key through in an interval, for all tails that ask for that: the first one
// at once, then the newest at the interval's end. Records without a key are not held up.
//
// The frames are not in the order of the log. So the place behind one is not the record's, but one behind which nothing
// is missing: a place at which the log was fetched an interval ago.
type conflator struct {
	every  time.Duration
	encode encode

	keys    map[tableKey]*held
	sent    []sentKey // those of keys, in the order in which they were let through
	waiting int       // how many keys hold a record
	past    []fetchedAt
	safe    proxy.Places
	isTimed bool // whether a timer will call flush
}

// held is the state of a key whose interval has not ended.
type held struct {
	has    bool         // whether it holds a record
	record proxy.Record // without its bytes
	frame  []byte
	left   int // how many records the one that is held stands for besides itself
}

// sentKey is when a key was let through.
type sentKey struct {
	key tableKey
	at  time.Time
}

// fetchedAt is up to where the log was fetched at a time.
type fetchedAt struct {
	time   time.Time
	places proxy.Places
}

func newConflator(every time.Duration, begin proxy.Places, e encode) *conflator {
	return &conflator{every: every, encode: e, keys: map[tableKey]*held{}, safe: begin.Clone()}
}

// reset forgets all that is held, at the begin of another ring.
func (c *conflator) reset(begin proxy.Places) {
	clear(c.keys)
	c.sent, c.waiting, c.past, c.safe = nil, 0, nil, begin.Clone()
}

// offer takes a record, and tells whether it goes on at once. Else it is held.
func (c *conflator) offer(r *proxy.Record, now time.Time) (goes bool) {
	if r.Key == nil {
		return true
	}
	key := tableKey{r.Partition, string(r.Key)}
	h := c.keys[key]
	if h == nil {
		c.keys[key] = &held{}
		c.sent = append(c.sent, sentKey{key, now})
		return true
	}
	if h.has {
		h.left++
	} else {
		c.waiting++
	}
	h.has, h.frame = true, c.encode(h.frame[:0], r)
	h.record = proxy.Record{Partition: r.Partition, Offset: r.Offset, Epoch: r.Epoch, Key: []byte(key.key)}
	return false
}

// due calls emit with what is held of keys whose interval has ended.
func (c *conflator) due(now time.Time, emit func(h *held)) {
	n := 0
	for ; n < len(c.sent) && now.Sub(c.sent[n].at) >= c.every; n++ {
		key := c.sent[n].key
		h := c.keys[key]
		if !h.has {
			delete(c.keys, key)
			continue
		}
		emit(h)
		h.has, h.left = false, 0
		c.waiting--
		c.sent = append(c.sent, sentKey{key, now})
	}
	c.sent = c.sent[n:]
}

// note remembers up to where the log is fetched, and moves the places behind which nothing is missing.
func (c *conflator) note(fetched proxy.Places, now time.Time) {
	const parts = 4 // of the interval
	if c.waiting == 0 {
		c.safe, c.past = fetched.Clone(), nil
		return
	}
	if n := len(c.past); n == 0 || now.Sub(c.past[n-1].time) >= c.every/parts {
		c.past = append(c.past, fetchedAt{now, fetched.Clone()})
	}
	for len(c.past) > 0 && now.Sub(c.past[0].time) > c.every+c.every/parts {
		c.safe, c.past = c.past[0].places, c.past[1:]
	}
}

// next returns in how long due will have something to do, 0 for never.
func (c *conflator) next(now time.Time) time.Duration {
	const least = 2 * time.Millisecond
	if len(c.sent) == 0 {
		return 0
	}
	return max(c.every-now.Sub(c.sent[0].at), least)
}

// deliverConflated is deliver for a ring that conflates. l.mu is held.
func (l *Log) deliverConflated(a *audience, batch proxy.Batch) {
	now := time.Now()
	a.batch++
	for i := range batch.Records {
		r := &batch.Records[i]
		clear(a.held)
		if !a.before.matches(r, func(r *proxy.Record) string { return a.keyOf(r).text }, a.holds) {
			continue
		}
		if a.conflator.offer(r, now) {
			a.frame = a.encoder.AppendRecord(a.frame[:0], r)
			a.emit(r, a.frame, 0)
		}
	}
	l.flush(a, now, true)
}

// endOf returns the spot for a tail that is to be given what comes from now on: not what is held. l.mu is held.
func (l *Log) endOf(a *audience) spot {
	end := a.ring.end()
	if a.conflator != nil {
		end.ahead = l.fetched.Clone()
	}
	return end
}

// emit appends a frame that stands for left further records.
func (a *audience) emit(r *proxy.Record, frame []byte, left int) {
	safe, is := a.conflator.safe[r.Partition]
	if !is {
		safe = proxy.Place{Epoch: -1}
	}
	at := a.ring.appendConflated(frame, r, left, safe)
	if len(a.picky) > 0 {
		a.route(r, a.keyOf(r), at)
	}
}

// flush lets through what is due, and wakes the tails if there is something new. l.mu is held.
func (l *Log) flush(a *audience, now time.Time, isNew bool) {
	a.conflator.due(now, func(h *held) {
		isNew = true
		a.emit(&h.record, h.frame, h.left)
	})
	a.conflator.note(l.fetched, now)
	moved := a.ring.advance(a.conflator.safe)
	a.settle()
	if isNew {
		a.wakeAll()
	}
	if moved {
		l.tellMovesLater(a)
	}
	if wait := a.conflator.next(now); wait > 0 && !a.conflator.isTimed {
		a.conflator.isTimed = true
		time.AfterFunc(wait, func() { l.flushLater(a) })
	}
}

func (l *Log) flushLater(a *audience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.conflator.isTimed = false
	if !l.ended {
		l.flush(a, time.Now(), false)
	}
}
