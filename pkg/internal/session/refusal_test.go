package session

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// written counts the records of the topic that are no heartbeats.
func (l *topic) written() (n int) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if !strings.HasPrefix(r.Key, replicaKey) {
			n++
		}
	}
	return n
}

func TestARefusalThatIsCertainWritesNothing(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.mustClaim(t, consumer("two", nil), newConnection(true))
		before := l.written()
		for name, s := range map[string]*Sessions{"here": a, "elsewhere": b} {
			t.Log(name)
			s.wantRefusal(t, consumer("three", nil), proxy.KindLimitReached)
			s.wantRefusal(t, consumer("three", func(q *Request) { q.Limit = 1; q.Topic = "u" }), proxy.KindLimitReached)
			s.wantRefusal(t, consumer("one", func(q *Request) { q.OnConflict = Reject }), proxy.KindDuplicateClient)
			s.wantRefusal(t, consumer("one", func(q *Request) {
				q.Principal, q.OnConflict = user("mallory"), TakeOver
			}), proxy.KindDuplicateClient)
		}
		if n := l.written() - before; n != 0 {
			t.Errorf("the refusals have written %d records", n)
		}
	})
}

// TestAnOldViewDoesNotRefuse lets a replica read nothing for a while, in which a place becomes free.
func TestAnOldViewDoesNotRefuse(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.mustClaim(t, consumer("two", nil), newConnection(true))
		l.hold(b)
		one.Close()
		time.Sleep(5 * time.Second)
		time.AfterFunc(time.Second, func() { l.unhold(b) })
		b.mustClaim(t, consumer("three", func(q *Request) { q.OnConflict = Reject }), newConnection(true))
	})
}

// TestAPlaceThatWasGivenUpIsFreeAtOnce connects again before the removal of the old claim was read.
func TestAPlaceThatWasGivenUpIsFreeAtOnce(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, _ *Sessions) {
		t.Helper()
		one := a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.mustClaim(t, consumer("two", nil), newConnection(true))
		one.Close()
		again, e := a.claimIn(t, consumer("one", func(q *Request) { q.OnConflict = Reject }))
		if e != nil {
			t.Fatal(e)
		}
		again.Close()
		if _, e := a.claimIn(t, consumer("three", nil)); e != nil {
			t.Fatal(e)
		}
	})
}

// TestAPendingClaimOfADeadReplicaBlocksForSeconds kills a replica between its two records of a claim.
func TestAPendingClaimOfADeadReplicaBlocksForSeconds(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		l.append([]Record{claimOf("x", "one", func(c *claim) {
			c.Replica, c.Partitions, c.Valid = a.replica.id, 2, handshakeTime.Milliseconds()
		})}, ignore)
		l.leave(a)
		synctest.Wait()
		died := time.Now()
		for {
			_, e := b.claimIn(t, consumer("one", nil))
			if e == nil {
				break
			}
			if time.Since(died) > 7*time.Second {
				t.Fatalf("after %v: %v", time.Since(died), e)
			}
		}
	})
}

// TestACrowdReturnsAtOnce kills a replica with many clients, which come back in groups of the handshakes that
// another one admits at a time.
func TestACrowdReturnsAtOnce(t *testing.T) {
	const crowd, places = 1000, 250
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		many := func(q *Request) { q.Partitions = crowd }
		for i := range crowd {
			a.mustClaim(t, consumer(string(rune('a'+i%26))+strings.Repeat("x", i/26), many), newConnection(true))
		}
		l.leave(a)
		began := time.Now()
		place := make(chan struct{}, places)
		results := make(chan *proxy.Error)
		for i := range crowd {
			go func() {
				place <- struct{}{}
				_, e := b.claimIn(t, consumer(string(rune('a'+i%26))+strings.Repeat("x", i/26), many))
				<-place
				results <- e
			}()
		}
		for range crowd {
			if e := <-results; e != nil {
				t.Error(e)
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%d clients are back after %v", crowd, took)
		}
	})
}

// TestAReplicaThatAnswersIsNotPresumedGone has a dead client of a live replica, beside a live one.
func TestAReplicaThatAnswersIsNotPresumedGone(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		t.Helper()
		live := newConnection(true)
		a.mustClaim(t, consumer("one", nil), newConnection(false))
		a.mustClaim(t, consumer("two", nil), live)
		b.mustClaim(t, consumer("one", nil), newConnection(true))
		b.wantRefusal(t, consumer("two", nil), proxy.KindDuplicateClient)
		live.stays(t)
	})
}

// TestAReplicaThatIsHeardAgainIsNotGone has a replica that cannot write for some seconds, in which another one
// takes over from its client.
func TestAReplicaThatIsHeardAgainIsNotGone(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		two := newConnection(true)
		a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.mustClaim(t, consumer("two", nil), two)
		l.mute(a, true)
		b.mustClaim(t, consumer("one", nil), newConnection(true))
		l.mute(a, false)
		time.Sleep(5 * time.Second)
		b.wantRefusal(t, consumer("two", nil), proxy.KindDuplicateClient)
		two.stays(t)
	})
}
