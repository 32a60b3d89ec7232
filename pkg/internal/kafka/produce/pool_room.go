package produce

import (
	"context"
	"time"
)

const (
	// evictAfter is how long a client must have been idle before it may be evicted for another. A new
	// client needs about three connections to brokers, each with its logins: with this limit every place
	// of the pool costs that at most once per evictAfter, however many clientIds there are. A connection
	// that sends more rarely gains little from a client of its own.
	evictAfter = 10 * time.Second
	// maxClosing is how many evicted clients may be closing at a time: while brokers do not answer,
	// closing takes time.
	maxClosing = 16
	// drainedPoll is the interval at which a client that is to be closed is checked for held records.
	drainedPoll = 20 * time.Millisecond
)

// makeRoom evicts a client, if one may be evicted. p.mu is held.
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

// longestIdle returns the client that has been idle for longest, if that is at least evictAfter. p.mu is
// held.
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

// remove removes a retired client from the pool. Another goroutine closes it, since that can wait for
// brokers. p.mu is held.
func (p *Pool) remove(c *pooled, then func()) {
	delete(p.clients, c.key)
	_ = p.work.Run(func() { // never refused while the pool is open
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

// sweep removes the clients that were not used for the idle timeout, and, from the other clients, the
// topics that were not used for as long.
func (p *Pool) sweep(now time.Time) {
	for _, c := range p.sweepClients(now) {
		if c.sweep(now, p.cluster.Settings.ClientIdleTimeout) {
			p.replace(c)
		}
	}
}

// sweepClients removes idle clients, and returns the others.
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

// drain waits until the client holds no record, within ctx, and retires it.
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
