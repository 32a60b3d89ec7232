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
)

// testBalance doubles two pods that have all sockets, whose connections end by age: the new pods get their share.
func testBalance(t *testing.T, s *site) {
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=2,config.MAX_CONNECTION_AGE=30s,memory.perConnection=32Ki")
	await(t, "end of other pods", longest, func() bool { return len(pods(t, "default")) == 2 })
	c := newBystanders(t, s)
	s.note(t, "2 pods: %s", c.spread(t, 2))
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=4")
	first := c.lives.Load()
	await(t, "ends of most connections by age", longest, func() bool { return c.lives.Load()-first >= 2*balanced && c.open.Load() == balanced })
	spread := c.spread(t, 4)
	s.note(t, "4 pods: %s after %d ends of connections", spread, c.lives.Load()-first)
	s.last().closes = c.closes()
	if spread.most > mostShare*balanced/4 {
		t.Errorf("the busiest pod has %.0f of %d connections", spread.most, balanced)
	}
	s.upgrade(t, "--reuse-values", "--set", "replicaCount=3,config.MAX_CONNECTION_AGE=0s,memory.perConnection=256Ki")
	await(t, "pods as before", longest, func() bool { return len(pods(t, "default")) == 3 })
}

// bystanders are clients that read live, and get nothing.
type bystanders struct {
	open, lives atomic.Int64

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
	for range balanced {
		all.Go(func() { again(ctx, func(ctx context.Context) { c.listen(ctx, url) }) })
	}
	await(t, "open sockets", longest, func() bool { return c.open.Load() == balanced })
	return c
}

func (c *bystanders) listen(ctx context.Context, url string) {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(bounded, url, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	c.open.Add(1)
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	c.open.Add(-1)
	if ctx.Err() == nil {
		c.lives.Add(1)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.codes[status(err)]++
	}
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
