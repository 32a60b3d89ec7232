package produce

import (
	"context"
	"time"
)

const (
	// evictAfter is for how long a client must have been idle before it makes way for another. Making
	// one takes about three connections to brokers, each with its logins: with this every place of
	// the pool costs that at most once in so long, however many clientIds there are. Who sends more
	// rarely gains little from a client that is its own.
	evictAfter = 10 * time.Second
	// maxClosing is how many clients that made way may be closing at a time: while brokers are silent
	// that takes time.
	maxClosing = 16
	// drainedPoll is how often it is looked whether a client that is to be closed holds records.
	drainedPoll = 20 * time.Millisecond
)

// makeRoom closes a client that may make way for another. p.mu is held.
func (p *Pool) makeRoom(n need) bool {
	if own := n.leaves; own != nil && own.key.id != sharedClientID && p.clients[own.key] == own && p.evict(own) {
		return true
	}
	if n.shares && n.credentials.IsZero() {
		return false
	}
	longest := p.longestIdle(time.Now())
	return longest != nil && p.evict(longest)
}

// longestIdle returns the client that has been idle for longest, if that is long enough. p.mu is held.
func (p *Pool) longestIdle(now time.Time) (longest *pooled) {
	most := evictAfter
	for _, c := range p.clients {
		idle := c.idle.observe(c.uses.Load(), now)
		if idle >= most && c.held.Load() == 0 && c.key.id != sharedClientID {
			longest, most = c, idle
		}
	}
	return longest
}

// evict closes a client, unless it holds a record or too many are being closed. p.mu is held.
func (p *Pool) evict(c *pooled) bool {
	if p.closing >= maxClosing || !c.retire() {
		return false
	}
	c.evicted.Store(true)
	p.closing++
	p.remove(c, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.closing--
	})
	return true
}

// remove takes a client that was retired out of the pool. It is closed by another goroutine, since that
// can wait for brokers. p.mu is held.
func (p *Pool) remove(c *pooled, then func()) {
	delete(p.clients, c.key)
	_ = p.work.Run(func() { // refuses nothing as long as the pool is open
		c.close(p.cluster.Metrics)
		then()
	})
}

func (p *Pool) sweepLoop(ctx context.Context) {
	defer close(p.done)
	idle := time.NewTicker(p.cluster.Settings.ClientIdleTimeout / sweepsPerIdle)
	defer idle.Stop()
	stuck := time.NewTicker(stuckInterval)
	defer stuck.Stop()
	for {
		select {
		case <-idle.C:
			p.sweep(time.Now())
		case <-stuck.C:
			p.examineThoseThatHold()
		case <-ctx.Done():
			return
		}
	}
}

// sweep lets go of the clients that nobody has used for the idle timeout, and of the topics that those
// which stay have not been used for.
func (p *Pool) sweep(now time.Time) {
	for _, c := range p.sweepClients(now) {
		if c.sweep(now, p.cluster.Settings.ClientIdleTimeout) {
			p.replace(c)
		}
	}
}

// sweepClients lets go of idle clients, and returns the others.
func (p *Pool) sweepClients(now time.Time) (stay []*pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		if c.idle.observe(c.uses.Load(), now) >= p.cluster.Settings.ClientIdleTimeout && c.retire() {
			p.remove(c, func() {})
			continue
		}
		stay = append(stay, c)
	}
	return stay
}

// drain has nobody use the client anymore as soon as it holds no record. It waits for that within ctx.
func (p *pooled) drain(ctx context.Context) {
	ticker := time.NewTicker(drainedPoll)
	defer ticker.Stop()
	for !p.retire() && ctx.Err() == nil {
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}
