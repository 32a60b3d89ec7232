package socket

import (
	"runtime"
	"sync"
)

// Pushers write for connections whose writers pause. To wake a writer costs as much as the write of a short
// frame, and many tails have one short frame to send at the same moment. So a few goroutines, no more than there are
// processors, go from connection to connection, fill a buffer that they keep, and write what the socket takes
// at once. They never wait: the rest is left to the writer, as is all else that takes long.
//
// The zero value is ready for use. Its goroutines end when there is nothing to do.
type Pushers struct {
	mu      sync.Mutex // guards what follows
	queue   []*Conn    // from first on; each has queued set
	first   int
	running int
	buffers [][]byte // of goroutines that have ended

	calendar calendar
}

// pushedAtOnce is how many connections a goroutine takes at a time, and so how many wait behind one of them.
const pushedAtOnce = 8

// add has a connection pushed soon.
func (p *Pushers) add(c *Conn) {
	if !c.queued.CompareAndSwap(false, true) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first > 0 && len(p.queue) == cap(p.queue) {
		kept := copy(p.queue, p.queue[p.first:])
		clear(p.queue[kept:])
		p.queue, p.first = p.queue[:kept], 0
	}
	p.queue = append(p.queue, c)
	if p.running < runtime.GOMAXPROCS(0) && p.running*pushedAtOnce < len(p.queue)-p.first {
		p.running++
		go p.run()
	}
}

// run pushes connections until none waits.
func (p *Pushers) run() {
	taken := make([]*Conn, pushedAtOnce)
	for buf, n := p.take(taken, nil); n > 0; buf, n = p.take(taken, buf) {
		for _, c := range taken[:n] {
			buf = c.push(buf)
		}
	}
}

// take moves connections out of the queue. A goroutine without a buffer gets that of one that has ended. Where none waits
// the goroutine has ended, and gives its buffer back.
func (p *Pushers) take(into []*Conn, buf []byte) (kept []byte, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n = copy(into, p.queue[p.first:])
	clear(p.queue[p.first : p.first+n])
	if p.first += n; p.first == len(p.queue) {
		p.queue, p.first = p.queue[:0], 0
	}
	last := len(p.buffers) - 1
	switch {
	case n == 0:
		p.running--
		if buf != nil {
			p.buffers = append(p.buffers, buf)
		}
	case buf == nil && last >= 0:
		buf, p.buffers = p.buffers[last], p.buffers[:last]
	}
	return buf, n
}

// push does what the writer would do, if that pauses and it cannot take long. It returns the buffer, or another one.
func (c *Conn) push(buf []byte) []byte {
	c.queued.Store(false) // first: it is queued again for what becomes ready from here on
	if !c.writing.TryLock() {
		c.wakeWriter()
		return buf
	}
	buf, done := c.pushOnce(buf[:0])
	c.writing.Unlock()
	if !done {
		c.wakeWriter()
	}
	return buf
}

// pushOnce writes what there is for one write. It returns false where the writer has to do more. c.writing is held.
func (c *Conn) pushOnce(buf []byte) (kept []byte, done bool) {
	if c.src == nil || c.unfinished.is || c.isEnding.Load() {
		return buf, false
	}
	c.extension.beginWrite()
	buf, _ = c.pending(buf)
	buf = c.src.fill(buf)
	if len(buf) > writePiece {
		c.unfinished = unfinished{is: true, buf: buf}
		return nil, false
	}
	if len(buf) > 0 && !c.pushBuffer(buf) || len(buf) >= fillSize {
		return buf, false
	}
	wait, dead := c.keepalive.next(c)
	if dead {
		return buf, false
	}
	if len(buf) == 0 && c.out != nil {
		c.rest()
	}
	c.setDue(c.src.due(), wait)
	return buf, true
}

// pushBuffer writes a buffer. It returns false if the socket has not taken it whole. c.writing is held.
func (c *Conn) pushBuffer(buf []byte) (whole bool) {
	_, err := c.raw.Write(buf)
	c.keepalive.wrote(len(buf))
	c.metrics.BytesSent.Add(float64(len(buf)))
	if err != nil || c.stream.kept() > 0 {
		c.unfinished = unfinished{is: true, err: err}
		return false
	}
	c.src.wrote()
	return true
}

// unfinished is a push that the writer is to end.
type unfinished struct {
	is  bool
	buf []byte // what is to be written; nil where the stream keeps it
	err error  // with which the write has failed
}

// endPush does what is left of a push. c.writing is held.
func (c *Conn) endPush() error {
	u := c.unfinished
	if c.unfinished = (unfinished{}); u.err != nil {
		return u.err
	}
	if u.buf != nil {
		return c.writeOut(u.buf)
	}
	if kept := c.stream.kept(); kept > 0 {
		c.chargeOut(kept)
		if err := c.write(nil); err != nil {
			return err
		}
	}
	if u.is {
		c.src.wrote()
	}
	return nil
}
