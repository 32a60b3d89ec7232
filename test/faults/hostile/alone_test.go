//go:build linux

package hostile

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// siege is how much one attack has.
type siege struct {
	handshakes, attackers int
	lasts                 time.Duration
	// within is what an honest client waits at most for its first answer, TLS and the handshake included,
	// while one address holds what it can, beside what the machine took at most without the attack.
	within time.Duration
}

func sieges() siege {
	if os.Getenv("OUTSIDE_SCALE") == "full" {
		return siege{handshakes: 256, attackers: 1500, lasts: 20 * time.Second, within: time.Second}
	}
	// What a busy machine does to the times is not the proxy's fault. It was 30 s, and more.
	return siege{handshakes: 16, attackers: 100, lasts: 2 * time.Second, within: 3 * time.Second}
}

// TestLongEachAttackAlone has one address take all places by one attack.
func TestLongEachAttackAlone(t *testing.T) {
	size := sieges()
	broker := kafka.Require(t).Addr()
	authority, folder := certs.NewAuthority(t), t.TempDir()
	cert, key := authority.Server(t).Write(t, folder)
	s := &stage{
		proxy: serve(t, broker, cert, key, fmt.Sprintf("WSPROXY_MAX_HANDSHAKES=%d", size.handshakes)),
		topic: makeTopic(t, broker, 1, 0),
		trust: &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12},
	}
	attacked := makeTopic(t, broker, 1, 1<<20)
	(&visitors{stage: s}).during(size.lasts / 4) // what takes time once has been done
	quiet, calm := &visitors{stage: s}, s.proxy.cpu(t)
	quiet.during(size.lasts / 2)
	visit := (s.proxy.cpu(t) - calm) / time.Duration(len(quiet.times))
	for _, a := range attacks() {
		t.Run(strings.ReplaceAll(a.name, ",", ""), func(t *testing.T) {
			at := s.besiege(t, target{
				Attackers: size.attackers, Main: s.proxy.main, Secure: s.proxy.secure, Topic: s.topic, Attacked: attacked,
				From: "127.0.0.66", Only: a.name,
			})
			spent, beside := s.proxy.cpu(t), &visitors{stage: s}
			beside.during(size.lasts)
			spent = s.proxy.cpu(t) - spent - visit*time.Duration(len(beside.times))
			most := s.proxy.holds(t).descriptors
			tally := at.leave(t)
			t.Logf("%d visits take %v at most, %v quiet; %d descriptors; the proxy took %v of processor time beyond that of the visits, %v an attempt:\n%s",
				len(beside.times), beside.longest(), quiet.longest(), most, spent, spent/time.Duration(max(1, tally.total())), tally)
			if err := errors.Join(beside.faults...); err != nil {
				t.Error(err)
			}
			if beside.longest() > size.within+quiet.longest() {
				t.Errorf("an honest client waited %v", beside.longest())
			}
		})
	}
}

// visitors are honest clients who come, write one message and go.
type visitors struct {
	*stage

	mu     sync.Mutex // guards what follows
	times  []time.Duration
	faults []error
}

// during has visitors come while the time lasts, some of them over TLS.
func (v *visitors) during(d time.Duration) {
	until := time.Now().Add(d)
	var all sync.WaitGroup
	for number := range 4 {
		all.Go(func() {
			tick := time.NewTicker(pace / 2)
			defer tick.Stop()
			for time.Now().Before(until) {
				took, err := v.visit(number)
				v.mu.Lock()
				v.times = append(v.times, took)
				if err != nil {
					v.faults = append(v.faults, fmt.Errorf("visitor %d: %w", number, err))
				}
				v.mu.Unlock()
				<-tick.C
			}
		})
	}
	all.Wait()
}

// visit returns how long it took until the message was answered.
func (v *visitors) visit(number int) (time.Duration, error) {
	began, h := time.Now(), &honest{stage: v.stage}
	ws, err := h.dial(number, fmt.Sprintf("/socket/in?clientId=visitor-%d&topic=%s", number, v.topic))
	if err != nil {
		return time.Since(began), err
	}
	defer ws.Net.Close()
	err = h.exchange(ws)
	return time.Since(began), err
}

func (v *visitors) longest() time.Duration { return slices.Max(v.times) }

// cpu is the processor time that the proxy has taken, to a hundredth of a second.
func (p *proxy) cpu(t *testing.T) time.Duration {
	t.Helper()
	text, err := p.get("/metrics")
	must(t, err)
	for line := range strings.Lines(text) {
		if number, found := strings.CutPrefix(line, "process_cpu_seconds_total "); found {
			var seconds float64
			_, err := fmt.Sscan(number, &seconds)
			must(t, err)
			return time.Duration(seconds * float64(time.Second))
		}
	}
	t.Fatal("there is no process_cpu_seconds_total")
	return 0
}
