package socket

import "time"

// beat is how far apart times are at which connections are pushed without a wake. Those that are due between two of them
// are pushed together, for which one timer is enough.
const beat = 5 * time.Millisecond

// dueBeats are when a connection will be pushed without a wake: for what its source has to send, and for what keeps it
// alive, which is much later. Both are counted in beats, and may be past.
type dueBeats struct{ source, alive int64 }

// calendar has the connections that are to be pushed at a time. The zero value is ready for use. The lock of the Pushers
// guards it.
type calendar struct {
	began time.Time
	due   map[int64]map[*Conn]struct{} // by beats since began
}

// beats returns the first beat that is not before a time.
func (l *calendar) beats(at time.Time) int64 {
	if l.due == nil {
		l.began, l.due = time.Now(), make(map[int64]map[*Conn]struct{})
	}
	return int64((at.Sub(l.began) + beat - 1) / beat)
}

// setDue has a connection pushed when there will be something to do without a wake: at one time for what its source has to
// send, zero for none, and at another for what keeps it alive. It replaces what was set before, unless that is earlier.
// c.writing is held.
func (p *Pushers) setDue(c *Conn, now, source, alive time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	passed := p.calendar.beats(now)
	if !source.IsZero() {
		c.due.source = p.bring(c, c.due.source, c.due.alive, passed, max(p.calendar.beats(source), passed+1))
	}
	c.due.alive = p.bring(c, c.due.alive, c.due.source, passed, max(p.calendar.beats(alive), passed+1))
}

// bring returns the beat for one purpose, which is set unless an earlier one is. other is that for the other purpose. p.mu is
// held.
func (p *Pushers) bring(c *Conn, set, other, passed, at int64) int64 {
	if set > passed && set <= at {
		return set
	}
	if set != other {
		p.calendar.remove(c, set)
	}
	due := p.calendar.due[at]
	if due == nil {
		due = make(map[*Conn]struct{})
		p.calendar.due[at] = due
		time.AfterFunc(time.Until(p.calendar.began.Add(time.Duration(at)*beat)), func() { p.fire(at) })
	}
	due[c] = struct{}{}
	return at
}

func (l *calendar) remove(c *Conn, at int64) { delete(l.due[at], c) }

// fire pushes those that are due at a beat.
func (p *Pushers) fire(at int64) {
	p.mu.Lock()
	due := p.calendar.due[at]
	delete(p.calendar.due, at)
	p.mu.Unlock()
	for c := range due {
		c.Wake()
	}
}

// forget has a connection not pushed anymore without a wake. c.writing is held.
func (p *Pushers) forget(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calendar.remove(c, c.due.source)
	p.calendar.remove(c, c.due.alive)
}
