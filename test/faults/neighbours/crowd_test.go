package neighbours

import (
	"fmt"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// regime is the limit that a topic has, and the range in which it moved at last.
type regime struct{ number, low, high, limit int }

// crowd is what all pushers of a topic know.
type crowd struct {
	group  sync.WaitGroup
	failed chan error
	calm   chan int // the numbers of regimes that a pusher found settled

	mu            sync.Mutex // guards what follows
	regime        regime
	stopped       bool
	taken, broken int // messages that succeeded, and those that were too large
	again         int // messages sent again
}

func newCrowd(limit int) *crowd {
	return &crowd{
		failed: make(chan error, busy), calm: make(chan int, 100*busy),
		regime: regime{low: limit, high: limit, limit: limit},
	}
}

func (c *crowd) now() (r regime, stopped bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.regime, c.stopped
}

func (c *crowd) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
}

func (c *crowd) fail(err error) {
	if err != nil {
		c.failed <- err
	}
}

// change changes the limit by calling set. Until it has, both limits may be in force.
func (c *crowd) change(limit int, set func()) {
	c.mu.Lock()
	before := c.regime.limit
	c.regime.low, c.regime.high = min(before, limit), max(before, limit)
	c.mu.Unlock()
	set()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.regime.number++
	c.regime.limit = limit
	c.taken, c.broken, c.again = 0, 0, 0
}

// await waits until every pusher finds the present regime settled, which takes no longer than limit.
func (c *crowd) await(watch *stopwatch.Watch, limit time.Duration) error {
	present, _ := c.now()
	began := watch.Elapsed()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for n := 0; n < busy; {
		select {
		case number := <-c.calm:
			if number == present.number {
				n++
			}
		case err := <-c.failed:
			return err
		case <-look.C:
			if watch.Elapsed()-began > limit {
				return fmt.Errorf("%w: %d of %d are settled after %v; %s", errOutcome, n, busy, limit, c.tally())
			}
		}
	}
	return nil
}

func (c *crowd) count(taken, broken, again int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken, c.broken, c.again = c.taken+taken, c.broken+broken, c.again+again
}

func (c *crowd) tally() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d messages taken, %d too large, %d to be sent again", c.taken, c.broken, c.again)
}
