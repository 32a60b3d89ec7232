//go:build linux

package strangers

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// stage is what all clients know.
type stage struct {
	proxy           *proxy
	topic, attacked string
	trust           *tls.Config
	long            string
}

// scale is how large the attack is.
type scale struct {
	strangers, producers, consumers int
	quiet, attack                   time.Duration
	// slower is how many times as slow as without strangers answers may be, beside some slack.
	slower int
	slack  time.Duration
}

func scaled() scale {
	if os.Getenv("OUTSIDE_SCALE") == "full" {
		return scale{strangers: 2000, producers: 45, consumers: 5, quiet: 30 * time.Second, attack: 2 * time.Minute, slower: 3}
	}
	// What a busy machine does to the times is not the proxy's fault.
	return scale{strangers: 200, producers: 12, consumers: 3, quiet: 4 * time.Second, attack: 15 * time.Second, slower: 10, slack: 2 * time.Second}
}

// TestStrangersBesideHonestClients attacks for a time.
func TestStrangersBesideHonestClients(t *testing.T) {
	size := scaled()
	broker := kafka.Require(t).Addr()
	authority, folder := certs.NewAuthority(t), t.TempDir()
	cert, key := authority.Server(t).Write(t, folder)
	s := &stage{
		proxy: serve(t, broker, cert, key),
		topic: makeTopic(t, broker, 4, 0), attacked: makeTopic(t, broker, 1, 16<<20),
		trust: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12},
		long:  strings.Repeat("x", 64<<10),
	}
	h := &honest{stage: s, t: t, producers: size.producers, consumers: size.consumers, read: map[string]int{}}
	h.consume()
	h.during(time.Second) // what grows once has grown
	quiet, quietOpenings := h.during(size.quiet)
	before := s.proxy.holds(t)

	ctx, stop := context.WithCancel(t.Context())
	done := s.assault(ctx, size.strangers)
	beside, besideOpenings := h.during(size.attack)
	during := s.proxy.memory(t)
	stop()
	tally := <-done

	t.Logf("%d strangers beside %d honest clients for %v; %d connections of strangers:\n%s",
		size.strangers, size.producers+size.consumers, size.attack, tally.total(), tally)
	t.Logf("answers: p50 %v quiet, %v beside; p99 %v quiet, %v beside (%d and %d messages)", percentile(quiet, 50), percentile(beside, 50),
		percentile(quiet, 99), percentile(beside, 99), len(quiet), len(beside))
	t.Logf("handshakes: p50 %v quiet, %v beside; p99 %v quiet, %v beside (%d and %d)", percentile(quietOpenings, 50), percentile(besideOpenings, 50),
		percentile(quietOpenings, 99), percentile(besideOpenings, 99), len(quietOpenings), len(besideOpenings))
	if bound := time.Duration(size.slower)*percentile(quiet, 99) + size.slack; percentile(beside, 99) > bound {
		t.Errorf("beside strangers 1 %% of the answers take more than %v, more than %v", percentile(beside, 99), bound)
	}
	await(t, "consumers to have read everything", h.behind)
	var after holdings
	await(t, "memory to return", func() error {
		after = s.proxy.holds(t)
		return after.like(before)
	})
	t.Logf("the proxy held %v; after it %v; its memory was %d MiB at most, %d MiB at the attack's end",
		before, after, during.peak>>20, during.now>>20)
	if during.peak > mostMemory {
		t.Errorf("the proxy took %d MiB", during.peak>>20)
	}
}

// mostMemory is what the proxy may take in the attack: about 100 KiB for each stranger, and much more
// for those that consume.
const mostMemory = 600 << 20

// tally counts what became of the strangers' connections, by attack and outcome.
type tally struct {
	mu    sync.Mutex // guards what follows
	count map[string]map[string]int
}

func (t *tally) add(attack, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count[attack] == nil {
		t.count[attack] = map[string]int{}
	}
	t.count[attack][outcome]++
}

func (t *tally) total() (n int) {
	for _, outcomes := range t.count {
		for _, count := range outcomes {
			n += count
		}
	}
	return n
}

func (t *tally) String() string {
	var lines []string
	for _, attack := range slices.Sorted(maps.Keys(t.count)) {
		lines = append(lines, fmt.Sprintf("  %s: %v", attack, t.count[attack]))
	}
	return strings.Join(lines, "\n")
}

// assault has strangers attack until ctx ends.
func (s *stage) assault(ctx context.Context, strangers int) <-chan *tally {
	all, t := new(sync.WaitGroup), &tally{count: map[string]map[string]int{}}
	number := 0
	for _, a := range attacks() {
		for range strangers * a.share / 100 {
			number++
			one := &stranger{stage: s, ctx: ctx, number: number}
			all.Go(func() { one.attack(a, t) })
		}
	}
	done := make(chan *tally, 1)
	go func() {
		all.Wait()
		done <- t
	}()
	return done
}

// attack connects again and again. Strangers come one by one, not all at the same moment: what they
// do to the machine that they share with the proxy is not what is judged.
func (s *stranger) attack(a attack, t *tally) {
	wait := rand.N(a.pause)
	for {
		select {
		case <-time.After(wait):
		case <-s.ctx.Done():
			return
		}
		t.add(a.name, a.run(s))
		wait = a.pause/2 + rand.N(a.pause)
	}
}
