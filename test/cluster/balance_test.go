//go:build cluster

package cluster

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const (
	// balanced is how many sockets there are.
	balanced = 1000
	// mostShare is how many times the mean the busiest pod may have.
	mostShare = 1.3
	// greatestAge is what MAX_CONNECTION_AGE is set to.
	greatestAge = 30 * time.Second
)

// testBalance doubles two pods that have all sockets, and then replaces all pods: each time connections end by age, and one age later
// every pod has its share.
func testBalance(t *testing.T, s *site) {
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=2,memory.perConnection=32Ki,config.MAX_CONNECTION_AGE="+greatestAge.String())
	await(t, "end of other pods", longest, func() bool { return len(pods(t, "default")) == 2 })
	c := newBystanders(t, s)
	s.note(t, "2 pods: %s", c.spread(t, 2))
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=4")
	s.note(t, "4 pods: %s", c.spread(t, 4))
	c.evenOut(t, s)
	before := pods(t, "default")
	s.upgrade(t, "--reuse-values", "--set", "config.LOG_LEVEL=warn")
	await(t, "end of the old pods", longest, func() bool { return gone(t, before) && c.open.Load() == balanced })
	s.note(t, "all replaced: %s", c.spread(t, 4))
	c.evenOut(t, s)
	s.last().closes = c.closes()
	for code := range s.last().closes {
		if code != "1012" {
			t.Errorf("connections were closed with %q, not 1012", code)
		}
	}
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=3,config.MAX_CONNECTION_AGE=0s,memory.perConnection=256Ki,config.LOG_LEVEL=info")
	await(t, "pods as before", longest, func() bool { return len(pods(t, "default")) == 3 })
}

// bystanders are clients that read live, and get nothing.
type bystanders struct {
	open, lives atomic.Int64
	since       [balanced]atomic.Int64 // when each one's connection was opened, in nanoseconds; 0 while it has none

	mu    sync.Mutex
	codes map[string]int // by status, empty where the connection was cut; guarded by mu
}

func newBystanders(t *testing.T, s *site) *bystanders {
	t.Helper()
	c := &bystanders{codes: map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	t.Cleanup(func() {
		stop()
		all.Wait()
	})
	url := s.plain(t, deployment).url + "/socket/tail?topic=" + s.topic("balance")
	for i := range balanced {
		all.Go(func() { again(ctx, func(ctx context.Context) { c.listen(ctx, url, &c.since[i]) }) })
	}
	await(t, "open sockets", longest, func() bool { return c.open.Load() == balanced })
	return c
}

func (c *bystanders) listen(ctx context.Context, url string, since *atomic.Int64) {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(bounded, url, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	since.Store(time.Now().UnixNano())
	c.open.Add(1)
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	c.open.Add(-1)
	since.Store(0)
	if ctx.Err() == nil {
		c.lives.Add(1)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.codes[status(err)]++
	}
}

// evenOut waits until every connection of now has ended by age, which each does once, and judges how the pods share those that followed.
func (c *bystanders) evenOut(t *testing.T, s *site) {
	t.Helper()
	began, ended := time.Now(), c.lives.Load()
	await(t, "end of every connection by age", longest, func() bool { return c.renewed(began) })
	took, ends := time.Since(began), c.lives.Load()-ended
	spread := c.spread(t, 4)
	s.note(t, "%s later each had ended, by %d ends: %s", took.Round(100*time.Millisecond), ends, spread)
	if spread.most > mostShare*balanced/4 {
		t.Errorf("the busiest pod has %.0f of %d connections", spread.most, balanced)
	}
}

// renewed tells whether everybody's connection was opened after a time.
func (c *bystanders) renewed(began time.Time) bool {
	for i := range c.since {
		if c.since[i].Load() <= began.UnixNano() {
			return false
		}
	}
	return true
}

func (c *bystanders) closes() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.codes)
}

// shares are the connections of pods.
type shares struct {
	each []int
	most float64
}

func (s shares) String() string { return fmt.Sprintf("connections by pod %v", s.each) }

func (c *bystanders) spread(t *testing.T, count int) (s shares) {
	t.Helper()
	all := pods(t, "default")
	if len(all) != count {
		t.Fatalf("there are %d pods, want %s", len(all), strconv.Itoa(count))
	}
	for _, pod := range all {
		n := connections(t, pod)
		s.each = append(s.each, n)
		s.most = max(s.most, float64(n))
	}
	return s
}
