package share

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAcknowledgementsAreJoinedIntoRanges(t *testing.T) {
	for name, test := range map[string]struct{ asks, want string }{
		"nothing":       {"", ""},
		"one":           {"5a", "5-5:1"},
		"a run":         {"5a 6a 7a", "5-7:1"},
		"two runs":      {"5a 6a 8a", "5-6:1 8-8:1"},
		"mixed":         {"5a 6a 7r 8a", "5-8:1,1,2,1"},
		"gaps":          {"1g 2g 4j", "1-2:0 4-4:3"},
		"mixed at once": {"1n 2a", "1-2:4,1"},
	} {
		t.Run(name, func(t *testing.T) {
			kinds := map[byte]ack{'a': ack(proxy.Accept), 'r': release, 'j': ack(proxy.Reject), 'g': gap, 'n': renew}
			var holds []*hold
			for text := range strings.FieldsSeq(test.asks) {
				holds = append(holds, &hold{offset: int64(text[0] - '0'), ask: ask{ack: kinds[text[1]]}})
			}
			var got []string
			for _, r := range ranges(holds) {
				types := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.types), " ", ","), "[]")
				got = append(got, fmt.Sprintf("%d-%d:%s", r.first, r.last, types))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestSupportIsToldByTheFeatureAndTheVersions(t *testing.T) {
	for name, test := range map[string]struct {
		version, level int16
		want           error
	}{
		"Kafka 4.2": {2, 1, nil}, "off": {2, 0, errFeatureOff}, "Kafka 4.1": {1, 1, errTooOld}, "none": {0, 0, errTooOld},
	} {
		t.Run(name, func(t *testing.T) {
			answer := kmsg.NewPtrApiVersionsResponse()
			for _, key := range []kmsg.Key{kmsg.ShareFetch, kmsg.ShareAcknowledge} {
				answer.ApiKeys = append(answer.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(key), MaxVersion: test.version})
			}
			answer.FinalizedFeatures = append(answer.FinalizedFeatures, kmsg.ApiVersionsResponseFinalizedFeature{Name: feature, MaxVersionLevel: test.level})
			if err := judgeSupport(answer); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// counts is an Observer.
type counts struct {
	mu            sync.Mutex
	held, expired int
	throttled     time.Duration
	full          int
	dealt         []int
	settled       map[string]int
}

func (c *counts) note(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *counts) Held(change int)                { c.note(func() { c.held += change }) }
func (c *counts) Dealt(count int)                { c.note(func() { c.dealt = append(c.dealt, count) }) }
func (c *counts) Expired()                       { c.note(func() { c.expired++ }) }
func (c *counts) Full(change int)                { c.note(func() { c.full += change }) }
func (c *counts) Throttled(waited time.Duration) { c.note(func() { c.throttled += waited }) }
func (c *counts) Settled(v proxy.Acknowledgement, r proxy.SettleResult) {
	c.note(func() { c.settled[fmt.Sprint(v, r)]++ })
}

func TestObserversCount(t *testing.T) {
	r := fakeRig(t, 1, kfake.BrokerConfigs(map[string]string{
		"group.share.record.lock.duration.ms": "2000", "share.record.lock.sweep.interval.ms": "50",
	}))
	r.create(r.topic, 1)
	r.write(0, "a", "b", "c")
	p := r.pod()
	c := &counts{settled: make(map[string]int)}
	p.groups.observer = c
	h := p.open(3)
	h.wants("a", "b", "c")
	h.settle(proxy.Accept, h.position(0))
	h.settle(proxy.Release, h.position(1))
	h.until("the second delivery and the expiry", func() bool { return len(h.got) >= 4 && len(h.expired) >= 1 })
	h.worker.Close(kafkatest.Deadline(t))
	kafkatest.Await(t, "nothing to be held", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.held == 0
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled["accept 1"] != 1 || c.settled["release 1"] != 1 || c.expired == 0 || !slices.Contains(c.dealt, 2) {
		t.Errorf("settled %v, expired %d, dealt %v", c.settled, c.expired, c.dealt)
	}
}

func TestSettleWaitsWhileManyResultsAreNotTaken(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	h := r.pod().open(1)
	unknown := make([]proxy.Position, 1000)
	for range maxUntaken / len(unknown) {
		if err := h.worker.Settle(t.Context(), proxy.Accept, unknown); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := contextOf(t, 50)
	defer cancel()
	if err := h.worker.Settle(ctx, proxy.Accept, unknown); err == nil {
		t.Fatal("it does not wait")
	}
	done := make(chan error, 1)
	go func() { done <- h.worker.Settle(t.Context(), proxy.Accept, unknown) }()
	h.until("a settlement", func() bool { return len(h.settled) > 0 })
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAClosedWorkerTakesNothing(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	h := r.pod().open(1)
	taken := make(chan error, 1)
	go func() {
		_, err := h.worker.Take(t.Context())
		taken <- err
	}()
	h.worker.Close(kafkatest.Deadline(t))
	if err := <-taken; !errors.Is(err, errWorkerClosed) {
		t.Errorf("got %v", err)
	}
	if err := h.worker.Settle(t.Context(), proxy.Accept, []proxy.Position{{}}); err != nil {
		t.Errorf("Settle: %v", err)
	}
}

func TestCloseIsBoundedWhileKafkaIsAway(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	r.write(0, "a")
	p := r.pod()
	h := p.open(1)
	h.wants("a")
	p.gate.Cut()
	ctx, cancel := contextOf(t, 300)
	defer cancel()
	h.worker.Close(ctx)
	p.groups.Close(ctx)
	if d, ok := ctx.Deadline(); ok && time.Since(d) > 5*time.Second {
		t.Errorf("closing took %v longer than it may", time.Since(d))
	}
}

func TestAnIdleSessionIsTouched(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		p := r.pod()
		p.groups.touchAfter = 50 * time.Millisecond
		h := p.open(1)
		h.wants("a")
		s := h.session()
		asked := s.asked.Load()
		kafkatest.Await(r, "requests", func() bool { return s.asked.Load() > asked+5 })
		h.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

// session returns the only session of the worker's member.
func (h *hand) session() *session {
	m := h.member()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sessions {
		return s
	}
	return nil
}

func TestAMemberLogsInWithRenewedCredentials(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	topic := g.MakeTopic(t)
	p := guardedPod(t, g)
	p.topic, p.group = topic, "renewed"
	held := p.holdAs(topic, "admin")
	h := p.openWith(Options{Window: 1, Topic: held})
	m := h.member()
	before := m.credentials()
	other := before
	other.Password += "2"
	if err := held.Renew(other); err != nil {
		t.Fatal(err)
	}
	if before != kafkatest.User("admin") || m.credentials() != other {
		t.Error("the member does not use the renewed credentials")
	}
}

func TestWorkersWithRenewedCredentialsShareTheMember(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	p := guardedPod(t, g)
	p.topic, p.group = g.MakeTopic(t), "renewed"
	first, second, third := p.holdAs(p.topic, "admin"), p.holdAs(p.topic, "admin"), p.holdAs(p.topic, "admin")
	h := p.openWith(Options{Window: 1, Topic: first})
	p.openWith(Options{Window: 1, Topic: second})
	before := first.Credentials()
	for round := range 3 {
		after := before
		after.Password += fmt.Sprint(round)
		for _, topic := range []*cluster.Topic{first, second} {
			if err := topic.Renew(after); err != nil {
				t.Fatal(err)
			}
			if got := h.member().credentials(); got != after {
				t.Errorf("round %d: the next login is not by what was renewed last", round)
			}
		}
		if err := third.Renew(after); err != nil {
			t.Fatal(err)
		}
	}
	if later := p.openWith(Options{Window: 1, Topic: third}); later.member() != h.member() {
		t.Error("a worker with the renewed credentials has a member of its own")
	}
	for _, topic := range []*cluster.Topic{first, second, third} { // with which Kafka lets the member leave
		if err := topic.Renew(before); err != nil {
			t.Error(err)
		}
	}
}
