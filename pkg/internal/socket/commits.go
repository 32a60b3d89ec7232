package socket

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// commitTimeout bounds one commit. It is detached from the connection, whose end must not
// cancel a commit that is under way.
const commitTimeout = 10 * time.Second

// commits commits the offsets of records that a client is known to have, one request at a time;
// offsets that become due meanwhile go into the next request.
type commits struct {
	consumer Consumer
	delivery *delivery
	metrics  *metrics.Metrics
	log      *slog.Logger
	failed   func(positions []proxy.Next, err error)
	ended    func() // called when no commit is under way anymore

	turn chan struct{} // holds one token while a commit or a revocation is under way

	mu      sync.Mutex // guards what follows, and consumer until begin has set it
	running bool
	again   bool
	closed  bool
	retryAt time.Time
	wait    sync.WaitGroup
}

// begin sets the consumer, and sends a commit that was asked for before. Partitions may be assigned,
// and their starts due to be committed, before joining the group has returned the consumer.
func (c *commits) begin(consumer Consumer) {
	c.mu.Lock()
	c.consumer = consumer
	asked := c.again
	c.mu.Unlock()
	if asked {
		c.kick()
	}
}

// kick asks for a commit.
func (c *commits) kick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again, c.retryAt = true, time.Time{}
	if c.running || c.closed || c.consumer == nil {
		return
	}
	c.running = true
	c.wait.Add(1)
	go c.run()
}

// retry returns the time at which a failed commit is retried, or the zero time.
func (c *commits) retry() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retryAt
}

// close waits for the commit that is under way and allows no other.
func (c *commits) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wait.Wait()
}

// idle tells whether everything that can be committed is committed.
func (c *commits) idle() bool {
	c.mu.Lock()
	running := c.running
	c.mu.Unlock()
	return !running && len(c.delivery.uncommitted(nil)) == 0
}

func (c *commits) run() {
	defer c.wait.Done()
	for c.more() {
		if positions, err := c.commit(); err != nil {
			c.failed(positions, err)
			if endedTopic(err) {
				c.delivery.disown(partitionsOf(positions))
			} else {
				c.retryLater()
			}
		}
	}
	c.ended()
}

// endedTopic tells whether a commit failed because the topic was deleted. Its positions are disowned
// then: a retry cannot succeed, and nothing is left to wait for.
func endedTopic(err error) bool { return proxy.AsError(err).Kind == proxy.KindTopicNotFound }

func partitionsOf(positions []proxy.Next) []int32 {
	partitions := make([]int32, 0, len(positions))
	for _, p := range positions {
		partitions = append(partitions, p.Partition)
	}
	return partitions
}

// exclusively runs f while no commit is under way, so that positions of a partition are not
// committed after it has moved to another member. When ctx ends, it runs f without waiting longer.
func (c *commits) exclusively(ctx context.Context, f func()) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
	}
	f()
}

// retryLater schedules a retry where pongs trigger the commits, or where a start is to be committed
// that no client asked for. A client that commits itself gets an error, and retries itself.
func (c *commits) retryLater() {
	if !c.delivery.byPing && !c.delivery.anyFresh() {
		return
	}
	c.mu.Lock()
	c.retryAt = time.Now().Add(c.delivery.interval)
	c.mu.Unlock()
}

func (c *commits) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = c.again && !c.closed
	c.again = false
	return c.running
}

// commit commits all positions that are due, and returns them.
func (c *commits) commit() (positions []proxy.Next, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	c.exclusively(ctx, func() {
		if positions = c.delivery.uncommitted(nil); len(positions) == 0 {
			return
		}
		if err = c.consumer.Commit(ctx, positions); err == nil {
			c.delivery.committed(positions)
		}
	})
	switch {
	case err != nil:
		c.metrics.Committed(metrics.CommitFailed)
		c.log.Warn("committing offsets failed", "err", err)
	case len(positions) > 0:
		c.metrics.Committed(metrics.CommitOK)
	}
	return positions, err
}
