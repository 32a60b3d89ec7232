package session

import (
	"testing"
	"testing/synctest"
	"time"
)

// wantPeers waits for what a replica tells of others, for as long as that may take.
func wantPeers(t *testing.T, s *Sessions, want bool, within time.Duration) {
	t.Helper()
	for began := time.Now(); s.HasPeers() != want; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > within {
			t.Fatalf("after %v the replica has others: %v, want %v", within, !want, want)
		}
	}
}

// TestPeers has replicas come and go in each way.
func TestPeers(t *testing.T) {
	const lease, soon = 15 * time.Second, time.Second
	for name, leave := range map[string]struct {
		how    func(*topic, *Sessions)
		within time.Duration
	}{
		"it drains":        {func(_ *topic, b *Sessions) { b.Retire() }, soon},
		"it has shut down": {func(_ *topic, b *Sessions) { b.Close() }, soon},
		"it has crashed":   {func(l *topic, b *Sessions) { l.leave(b) }, lease * 3 / 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := new(topic)
				a := l.join(t, "a")
				time.Sleep(time.Hour)
				if a.HasPeers() {
					t.Error("a replica that is alone has others")
				}
				b := l.open("b", lease)
				wantPeers(t, a, true, soon)
				wantPeers(t, b, true, soon)
				time.Sleep(time.Hour)
				wantPeers(t, a, true, 0)
				leave.how(l, b)
				wantPeers(t, a, false, leave.within)
				time.Sleep(time.Hour)
				wantPeers(t, a, false, 0)
				if name != "it has shut down" {
					b.Close()
				}
			})
		})
	}
}

// TestPeersAreOfTheSamePool: a client of a pool comes back to that pool, whatever others there are.
func TestPeersAreOfTheSamePool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(topic)
		a, other := l.openIn("reports", "a", 15*time.Second), l.openIn("audit", "other", 15*time.Second)
		nameless := l.open("nameless", 15*time.Second)
		time.Sleep(time.Minute)
		for name, s := range map[string]*Sessions{"a": a, "other": other, "nameless": nameless} {
			if s.HasPeers() {
				t.Errorf("%s is alone in its pool, and has others", name)
			}
		}
		b := l.openIn("reports", "b", 15*time.Second)
		wantPeers(t, a, true, time.Second)
		wantPeers(t, b, true, time.Second)
		wantPeers(t, other, false, 0)
		for _, s := range []*Sessions{a, b, other, nameless} {
			s.Close()
		}
	})
}

// TestAReplicaWithoutKafkaKnowsOfNoOthers: where its clients came back to the others, these could not serve them.
func TestAReplicaWithoutKafkaKnowsOfNoOthers(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		wantPeers(t, a, true, time.Second)
		l.outage(true)
		wantPeers(t, a, false, 5*time.Second)
		wantPeers(t, b, false, 5*time.Second)
		l.outage(false)
		wantPeers(t, a, true, 10*time.Second)
	})
}
