package socket

import (
	"sync"
	"time"
)

const (
	// signPing is the payload of the pings that ask for a sign of life.
	signPing = "sign"
	// underWay is for how long what arrives may have been sent before the question. Later it is a sign of
	// life even if a full socket has not taken the ping: a slow client reads and answers earlier pings.
	underWay = time.Second
)

// sign is a caller of Alive that waits for a sign of life.
type sign struct {
	once   sync.Once
	asked  time.Duration // on the connection's clock
	answer func(alive bool)
}

func (s *sign) give(alive bool) { s.once.Do(func() { s.answer(alive) }) }

// Alive asks the peer for a sign of life: any byte that arrives from it after a ping, or so late that it was
// sent after the question. answer is called once, at the latest after within; a peer that has sent nothing by then is cut off. While a
// rate limit or a full window stops the reader, the peer cannot be heard and counts as alive.
func (c *Conn) Alive(within time.Duration, answer func(alive bool)) {
	s := &sign{asked: c.since(), answer: answer}
	c.mu.Lock()
	c.signs = append(c.signs, s)
	c.askSign = true
	c.mu.Unlock()
	c.awaited.Store(true)
	c.Wake()
	time.AfterFunc(within, func() {
		c.mu.Lock()
		open := !c.hungUp && !c.closedByPeer()
		c.mu.Unlock()
		if open && c.readSince.Load() == notReading {
			s.give(true)
			return
		}
		s.once.Do(func() {
			c.Cut()
			s.answer(false)
		})
	})
}

// signed passes a sign of life on to the callers of Alive that wait for it.
func (c *Conn) signed() {
	if !c.awaited.Load() {
		return
	}
	c.mu.Lock()
	signs := c.takeSigned()
	c.awaited.Store(len(c.signs) > 0)
	c.mu.Unlock()
	for _, s := range signs {
		s.give(true)
	}
}

// takeSigned returns the callers for whom the byte that came is a sign of life; the others go on waiting. What
// a client sends that is closing its socket is no sign. c.mu is held.
func (c *Conn) takeSigned() (signed []*sign) {
	if c.closedByPeer() {
		return nil
	}
	waiting := c.signs[:0]
	for _, s := range c.signs {
		if c.askSign && c.since()-s.asked < underWay {
			waiting = append(waiting, s)
		} else {
			signed = append(signed, s)
		}
	}
	clear(c.signs[len(waiting):])
	c.signs = waiting
	return signed
}

// askForSign appends the ping. c.mu is held.
func (c *Conn) askForSign(buf []byte) []byte {
	if !c.askSign {
		return buf
	}
	c.askSign = false
	c.pings.pinged()
	return appendFrame(buf, opPing, []byte(signPing))
}
