package neighbours

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

const (
	// settling is how long a change of a topic's settings may be felt.
	settling = 30 * time.Second
	busy     = 4 // connections
)

// first is the limit that the topic has at first.
const first = 1048588

// TestLongTopicLimitMoves changes max.message.bytes under producers who keep so much in flight that
// batches are as large as they may be. Each time everything settles: what is allowed succeeds when it
// is sent again, and what is too large is told so.
func TestLongTopicLimitMoves(t *testing.T) {
	limits := []int{first, 400_000, 900_000, 300_000, 2_000_000, first}
	broker := kafka.Require(t).Addr()
	proxy, a := runProxy(t, broker), admin(t, broker)
	topic := makeTopic(t, a, "max.message.bytes", strconv.Itoa(first), "retention.bytes", "50000000", "segment.bytes", "20000000")
	c := newCrowd(first)
	for i := range busy {
		p := &pusher{
			name: fmt.Sprintf("busy-%d", i), connection: connect(t, proxy, topic),
			rand: rand.New(rand.NewPCG(uint64(i), 1)),
		}
		c.group.Go(func() { c.fail(p.run(c)) })
	}
	defer c.group.Wait()
	defer c.stop()
	watch := stopwatch.Start(t)
	for _, limit := range limits {
		c.change(limit, func() { setLimit(t, a, topic, limit) })
		began := time.Now()
		if err := c.await(watch, settling); err != nil {
			t.Fatalf("a limit of %d: %v", limit, err)
		}
		t.Logf("a limit of %d: settled after %v; %v", limit, time.Since(began).Round(time.Millisecond), c.tally())
	}
}

// runProxy runs the program until the test's end and returns its address. It is not slowed by
// the race detector, so that batches fill.
func runProxy(t *testing.T, broker string) string {
	t.Helper()
	var program process.Program
	path, err := program.Path()
	must(t, err)
	p, err := process.Start(path, process.ServeSettings(broker), "serve")
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		must(t, program.Remove())
		if t.Failed() {
			t.Logf("the proxy printed:\n%s", p.Stderr.Tail())
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(t, patience); ; {
		main, management, listens := p.Addresses()
		if listens && process.Status(management, "/readyz") == http.StatusOK {
			return main
		}
		select {
		case <-tick.C:
		case <-p.Done():
			t.Fatal("the proxy ended at its start")
		case <-ctx.Done():
			t.Fatal("the proxy did not become ready")
		}
	}
}

func setLimit(t *testing.T, a *kadm.Client, topic string, limit int) {
	t.Helper()
	value := strconv.Itoa(limit)
	changed, err := a.AlterTopicConfigs(within(t, patience), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &value}}, topic)
	must(t, err)
	_, err = changed.On(topic, nil)
	must(t, err)
}
