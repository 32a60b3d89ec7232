package server

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// aged are connections that began together, and when each was ended.
type aged struct {
	peers atomic.Bool
	began time.Time
	stops []func()

	mu   sync.Mutex
	ends []time.Duration // guarded by mu
}

func ageTogether(connections int, most time.Duration, peers bool) *aged {
	a := &aged{began: time.Now()}
	a.peers.Store(peers)
	end := func(e socket.Ending) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if e.Code == proxy.CloseServiceRestart && e.Returns && e.Error == nil {
			a.ends = append(a.ends, time.Since(a.began))
		}
	}
	for range connections {
		a.stops = append(a.stops, startAging(most, a.peers.Load, end))
	}
	return a
}

func (a *aged) ended() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ends)
}

// wantSpread fails unless all connections have ended between two times, a quarter of them in each quarter of the time, by and
// large.
func (a *aged) wantSpread(t *testing.T, from, to time.Duration) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ends) != len(a.stops) {
		t.Fatalf("%d of %d connections have ended", len(a.ends), len(a.stops))
	}
	var quarters [4]int
	for _, at := range a.ends {
		if at < from || at > to {
			t.Fatalf("a connection ended after %v, not between %v and %v", at, from, to)
		}
		quarters[min(int(4*(at-from)/(to-from)), 3)]++
	}
	for _, n := range quarters {
		if n < len(a.ends)/8 {
			t.Errorf("connections ended in the quarters of %v to %v: %v", from, to, quarters)
		}
	}
}

func TestConnectionsEndByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ageTogether(1000, time.Hour, true)
		time.Sleep(2 * time.Hour)
		a.wantSpread(t, time.Hour, 66*time.Minute)
	})
}

// TestALoneReplicaKeepsItsConnectionsUntilAnotherComes: then they end one after another, all the same.
func TestALoneReplicaKeepsItsConnectionsUntilAnotherComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ageTogether(1000, time.Hour, false)
		time.Sleep(24 * time.Hour)
		if n := a.ended(); n > 0 {
			t.Fatalf("%d connections have ended without another replica", n)
		}
		a.peers.Store(true)
		time.Sleep(time.Hour)
		a.wantSpread(t, 24*time.Hour, 24*time.Hour+6*time.Minute)
	})
}

// TestAConnectionThatIsOverAgesNoMore: nothing is left behind, at any moment of its life.
func TestAConnectionThatIsOverAgesNoMore(t *testing.T) {
	for _, after := range []time.Duration{0, time.Minute, 90 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			a := ageTogether(10, time.Hour, false)
			time.Sleep(after)
			for _, stop := range a.stops {
				stop()
			}
			a.peers.Store(true)
			time.Sleep(24 * time.Hour)
			if n := a.ended(); n > 0 {
				t.Errorf("%d connections were ended after their end", n)
			}
		})
	}
}
