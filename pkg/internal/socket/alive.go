package socket

import (
	"sync"
	"time"
)

// signPing is the payload of the pings that ask for a sign of life.
const signPing = "sign"

// sign is a caller of Alive that waits for a sign of life.
type sign struct {
	once   sync.Once
	answer func(alive bool)
}

func (s *sign) give(alive bool) { s.once.Do(func() { s.answer(alive) }) }

// Alive asks the peer for a sign of life: any byte that arrives from it after a ping. answer is
// called once, at the latest after within; a peer that has sent nothing by then is cut off. While a
// rate limit or a full window stops the reader, the peer cannot be heard and counts as alive.
func (c *Conn) Alive(within time.Duration, answer func(alive bool)) {
	s := &sign{answer: answer}
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
	signs := c.signs
	if c.askSign || c.closedByPeer() { // what came was sent before the ping, or by a client that is leaving
		signs = nil
	} else {
		c.signs = nil
		c.awaited.Store(false)
	}
	c.mu.Unlock()
	for _, s := range signs {
		s.give(true)
	}
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
