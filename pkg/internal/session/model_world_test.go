package session

import (
	"slices"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// fault causes a random fault, now and then.
func (w *model) fault() {
	if len(w.replicas) == 0 {
		return
	}
	switch w.rand.IntN(440) {
	case 0:
		w.crash(w.rand.IntN(len(w.replicas)))
	case 1:
		w.stop(w.rand.IntN(len(w.replicas)))
	case 2:
		w.outage()
	case 3, 4, 5, 6:
		w.compact()
	case 7:
		w.shutDown(w.rand.IntN(len(w.replicas)))
	case 8:
		w.hostile()
	case 9, 10:
		if len(w.replicas) < 5 {
			w.start()
		}
	case 11:
		w.replicas[w.rand.IntN(len(w.replicas))].lossy = w.now.Add(time.Duration(w.rand.Int64N(int64(modelLease))))
	case 12:
		w.clock()
	case 13:
		w.tally.Restarts++
		w.replicas[w.rand.IntN(len(w.replicas))].remade = true
	case 14:
		if w.rand.IntN(3) == 0 {
			w.remake()
		}
	}
}

// clock sets the leader's clock wrong, or right again.
func (w *model) clock() {
	w.tally.Clocks++
	w.skew = []time.Duration{0, 0, time.Second, time.Hour, -time.Hour}[w.rand.IntN(5)]
	w.trace("the leader's clock is wrong by %s", w.skew)
}

// remake deletes the topic and makes it again, now and then twice in a row. What is under way is written to
// the new one, or lost.
func (w *model) remake() {
	w.tally.Remade++
	w.trace("the topic is made again")
	w.log, w.end, w.frontier = nil, 0, 0
	w.truth, w.digests = newFold(), map[int64]string{0: ""}
	w.dead = nil // with their slots
	for _, p := range w.replicas {
		p.remade = true
		if w.rand.IntN(2) == 0 {
			p.lossy = w.now.Add(time.Duration(w.rand.Int64N(int64(modelLease))))
		}
	}
}

// crash ends a process. Some of its records are still in flight.
func (w *model) crash(i int) {
	p := w.replicas[i]
	if p.crashed {
		return
	}
	w.tally.Crashes++
	w.trace("%s crashes", p.server)
	p.crashed, p.diedAt, p.downThen = true, w.now, w.downFor
	if w.rand.IntN(2) == 0 {
		p.outgoing = p.outgoing[:w.rand.IntN(len(p.outgoing)+1)]
	}
	for _, c := range w.conns {
		if c.replica == p {
			c.over = true
		}
	}
	w.dead = append(w.dead, p)
}

// stop freezes a process, mostly for less than a lease, now and then for more.
func (w *model) stop(i int) {
	p := w.replicas[i]
	if p.crashed || p.stopped {
		return
	}
	pause := time.Duration(w.rand.Int64N(int64(2 * modelLease)))
	p.stopped, p.until = true, w.now.Add(pause)
	w.trace("%s is stopped for %s", p.server, pause)
}

func (w *model) outage() {
	if !w.brokerUp {
		return
	}
	w.tally.Outages++
	span := time.Duration(w.rand.Int64N(int64(4 * modelLease)))
	w.brokerUp, w.upAgainAt = false, w.now.Add(span)
	w.trace("the broker is gone for %s", span)
}

// shutDown shuts a process down in order.
func (w *model) shutDown(i int) {
	p := w.replicas[i]
	if p.crashed || p.stopped || !p.caughtUp {
		return
	}
	w.trace("%s shuts down", p.server)
	for _, c := range w.conns {
		if c.replica == p {
			c.lose()
		}
	}
	p.leave()
	p.crashed, p.diedAt, p.downThen = true, w.now, w.downFor
	w.dead = append(w.dead, p)
}

// hostile appends records that no replica writes.
func (w *model) hostile() {
	keys := []string{"", "claim", "claim/", "x", "replica/\xff", "claim/nobody", "lapse/nobody", "probe/x", "suspicion/a/b", "question/a", "report/a/b"}
	values := [][]byte{nil, {}, []byte("{"), []byte(`{"state":"admitted"}`), []byte("\x00\xff"), []byte(`[1]`), []byte(`{"state":"pending","kind":"consumer","lease":-1}`)}
	if w.rand.IntN(8) == 0 {
		keys, values = []string{"question/a"}, [][]byte{[]byte(`{"by":"a","to":["pod-1-1"]}`)}
	}
	if len(w.log) > 0 && w.rand.IntN(3) == 0 {
		if key := w.log[w.rand.IntN(len(w.log))].key; strings.HasPrefix(key, claimKey) {
			keys = []string{key}
		}
	}
	w.append(&modelReplica{crashed: true}, outgoing{record: Record{
		Key: keys[w.rand.IntN(len(keys))], Value: values[w.rand.IntN(len(values))],
	}})
}

// compact compacts the records that are older than ten leases, as a broker may: only the last record
// of a key stays, and a removal only for a while.
func (w *model) compact() {
	keep := w.now.Add(-10 * modelLease)
	last := make(map[string]int64)
	bound := int64(0)
	for _, r := range w.log {
		if r.written.Before(keep) {
			last[r.key], bound = r.offset, r.offset+1
		}
	}
	before := len(w.log)
	w.log = slices.DeleteFunc(w.log, func(r modelRecord) bool {
		if r.offset >= bound {
			return false
		}
		return last[r.key] != r.offset || r.value == nil && r.written.Before(keep.Add(-10*modelLease))
	})
	if len(w.log) < before {
		w.tally.Compactions++
		w.frontier = bound
		w.trace("compacted below %d: %d of %d records left", bound, len(w.log), before)
	}
}

// client lets a random client connect, leave or die.
func (w *model) client() {
	switch w.rand.IntN(12) {
	case 0, 1:
		w.connect()
	case 2:
		if c := w.open(); c != nil {
			w.trace("%s leaves", c.attempt.id)
			c.lose()
		}
	case 3:
		if c := w.open(); c != nil {
			w.trace("the client of %s dies", c.attempt.id)
			c.dead = true
		}
	}
}

func (w *model) open() *modelConn {
	if len(w.conns) == 0 {
		return nil
	}
	c := w.conns[w.rand.IntN(len(w.conns))]
	if c.over || !c.admits || c.replica.stopped {
		return nil
	}
	return c
}

func (w *model) connect() {
	if len(w.replicas) == 0 {
		return
	}
	p := w.replicas[w.rand.IntN(len(w.replicas))]
	if p.crashed || p.stopped || !p.caughtUp || p.isFenced(w.now) {
		return
	}
	pick := func(of ...string) string { return of[w.rand.IntN(len(of))] }
	q := Request{
		Kind: Consumer, Client: proxy.ClientID(pick("a", "b", "c", "d", "e")), Group: proxy.GroupID(pick("g", "h")), Topic: pick("t", "u"),
		Partitions: 3, Limit: p.limit, OnConflict: OnConflict(pick("", "", "takeover", "reject")),
	}
	if w.rand.IntN(4) == 0 {
		q.Principal = proxy.Principal{Method: proxy.Method(pick("user", "token")), Name: "other"}
	}
	if w.rand.IntN(4) == 0 {
		q = Request{Kind: Producer, Client: q.Client, Instance: pick("1", "2"), Topic: q.Topic, Limit: p.limit, OnConflict: q.OnConflict}
	}
	c := &modelConn{replica: p, began: w.now, request: q}
	c.attempt = p.claim(w.now, q, func(e *proxy.Error) {
		if e != nil {
			w.tally.Refused++
			c.over = true
			return
		}
		w.tally.Admitted++
		c.admits = true
		c.attempt.holder = c
	})
	w.conns = append(w.conns, c)
}

// timeouts ends handshakes that take too long, and removes connections that are over.
func (w *model) timeouts() {
	for _, c := range w.conns {
		if !c.over && !c.admits && !c.replica.stopped && w.now.Sub(c.began) > handshake {
			w.trace("%s is given up", c.attempt.id)
			c.lose()
		}
	}
	w.conns = slices.DeleteFunc(w.conns, func(c *modelConn) bool { return c.over })
}
