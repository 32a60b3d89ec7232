//go:build linux

package hostile

import (
	"crypto/tls"
	"os"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// stage is what all clients know.
type stage struct {
	proxy *proxy
	topic string
	trust *tls.Config
}

// scale is how large the attack is.
type scale struct {
	attackers, producers, consumers int
	quiet, attack, quietAgain       time.Duration
	// slower is how many times as slow as without attackers answers may be, beside some slack.
	slower int
	slack  time.Duration
}

func TestLongAttackersBesideHonestClients(t *testing.T) {
	if os.Getenv("OUTSIDE_SCALE") == "full" {
		besideHonestClients(t, scale{attackers: 2000, producers: 45, consumers: 5, quiet: 30 * time.Second, attack: 2 * time.Minute, quietAgain: 30 * time.Second, slower: 3})
		return
	}
	// What a busy machine does to the times is not the proxy's fault.
	besideHonestClients(t, scale{attackers: 200, producers: 12, consumers: 3, quiet: 4 * time.Second, attack: 15 * time.Second, slower: 10, slack: 2 * time.Second})
}

// besideHonestClients has attackers attack for a time.
func besideHonestClients(t *testing.T, size scale) {
	t.Helper()
	broker := kafka.Require(t).Addr()
	authority, folder := certs.NewAuthority(t), t.TempDir()
	cert, key := authority.Server(t).Write(t, folder)
	s := &stage{
		proxy: serve(t, broker, cert, key),
		topic: makeTopic(t, broker, 4, 0),
		trust: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12},
	}
	h := &honest{stage: s, t: t, producers: size.producers, consumers: size.consumers, read: map[string]int{}}
	h.consume()
	h.during(time.Second) // what grows once has grown
	quiet, quietOpenings := h.during(size.quiet)
	before := s.proxy.holds(t)

	attackers := s.besiege(t, target{
		From: "127.0.0.66", Attackers: size.attackers, Main: s.proxy.main, Secure: s.proxy.secure, Topic: s.topic, Attacked: makeTopic(t, broker, 1, 16<<20),
	})
	spent := s.proxy.spent(t)
	beside, besideOpenings := h.during(size.attack)
	spent = s.proxy.spent(t) - spent
	during := s.proxy.memory(t)
	tally := attackers.leave(t)
	again, _ := h.during(size.quietAgain) // when everything is as warm as it was beside the attackers

	t.Logf("%d attackers beside %d honest clients for %v; %d connections of attackers:\n%s",
		size.attackers, size.producers+size.consumers, size.attack, tally.total(), tally)
	t.Logf("the proxy took %v of processor time", spent)
	t.Logf("answers: p50 %v quiet, %v beside, %v quiet again; p99 %v, %v, %v (%d, %d, %d messages)",
		percentile(quiet, 50), percentile(beside, 50), percentile(again, 50),
		percentile(quiet, 99), percentile(beside, 99), percentile(again, 99), len(quiet), len(beside), len(again))
	t.Logf("handshakes: p50 %v quiet, %v beside; p99 %v quiet, %v beside (%d and %d)", percentile(quietOpenings, 50), percentile(besideOpenings, 50),
		percentile(quietOpenings, 99), percentile(besideOpenings, 99), len(quietOpenings), len(besideOpenings))
	unhindered := percentile(quiet, 99)
	if len(again) > 0 {
		unhindered = min(unhindered, percentile(again, 99))
	}
	if bound := time.Duration(size.slower)*unhindered + size.slack; percentile(beside, 99) > bound {
		t.Errorf("beside attackers 1 %% of the answers take more than %v, more than %v", percentile(beside, 99), bound)
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

// mostMemory is what the proxy may take in the attack: about 100 KiB for each attacker, and much more
// for those that consume.
const mostMemory = 400 << 20
