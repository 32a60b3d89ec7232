package session

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mute makes the appends of a replica fail while those of others are taken.
func (l *topic) mute(s *Sessions, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Append = l.append
	if on {
		s.options.Append = func(_ []Record, answered func(error)) { answered(errors.New("not from here")) }
	}
}

// waitFor waits in virtual time.
func waitFor(t *testing.T, most time.Duration, is func() bool) {
	t.Helper()
	for began := time.Now(); !is(); {
		if time.Since(began) > most {
			t.Fatalf("nothing has happened within %v", most)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// lapse lets a replica lapse, and lets it write again.
func (l *topic) lapse(s *Sessions, meanwhile func()) {
	l.mute(s, true)
	time.Sleep(20 * time.Second)
	meanwhile()
	l.mute(s, false)
	time.Sleep(10 * time.Second)
}

func (c *connection) stays(t *testing.T) {
	t.Helper()
	select {
	case e := <-c.lost:
		t.Errorf("the connection ends: %v", e)
	default:
	}
}

func (c *connection) ends(t *testing.T, code proxy.CloseCode) {
	t.Helper()
	select {
	case e := <-c.lost:
		if e.Kind.Class().Close != code {
			t.Errorf("the connection ends with %v, want %d", e, code)
		}
	case <-time.After(time.Second):
		t.Errorf("the connection stays, want %d", code)
	}
}

func TestALapsedReplicaKeepsItsSessions(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		before := b.List()
		l.lapse(a, func() {
			if n := len(b.List()); n != 0 {
				t.Errorf("%d sessions are left of a replica that has lapsed", n)
			}
		})
		one.stays(t)
		if after := b.List(); len(after) != 1 || after[0] != before[0] {
			t.Errorf("the session was %v, and is %v", before, after)
		}
		b.wantRefusal(t, consumer("one", nil), proxy.KindDuplicateClient)
	})
}

func TestALapsedReplicaLosesThePlacesThatWereTaken(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one, two, again := newConnection(true), newConnection(true), newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		a.mustClaim(t, consumer("two", nil), two)
		l.lapse(a, func() {
			b.mustClaim(t, consumer("one", nil), again)
			b.mustClaim(t, consumer("three", nil), newConnection(true))
		})
		one.ends(t, proxy.CloseReplaced)      // another connection has its identity
		two.ends(t, proxy.CloseTryAgainLater) // the group is full
		again.stays(t)
	})
}

// TestManySessionsEndInTurn has sessions whose places others have taken.
func TestManySessionsEndInTurn(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		const n = 1000
		many := func(q *Request) { q.Partitions = n }
		var lost []*connection
		for i := range n {
			c := newConnection(true)
			lost = append(lost, c)
			a.mustClaim(t, consumer(fmt.Sprintf("a%d", i), many), c)
		}
		l.mute(a, true)
		time.Sleep(20 * time.Second)
		for i := range n {
			b.mustClaim(t, consumer(fmt.Sprintf("b%d", i), many), newConnection(true))
		}
		l.mute(a, false)
		ended := func() (count int) {
			for _, c := range lost {
				count += len(c.lost)
			}
			return count
		}
		waitFor(t, time.Minute, func() bool { return ended() > 0 })
		began := time.Now()
		waitFor(t, time.Minute, func() bool { return ended() == n })
		if took := time.Since(began); took < n*time.Millisecond*3/4 || took > 2*time.Second {
			t.Errorf("%d sessions end within %v", n, took)
		}
	})
}

// TestALostAnnouncementIsWrittenAgain loses the topic, and then what the replicas write of their sessions.
func TestALostAnnouncementIsWrittenAgain(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", func(q *Request) { q.Limit = 1 }), one)
		l.outage(true)
		l.recreate()
		time.Sleep(10 * time.Second)
		l.outage(false)
		time.Sleep(10 * time.Second)
		if n := len(b.List()); n != 1 {
			t.Errorf("%d sessions are in the log, want 1", n)
		}
		b.wantRefusal(t, consumer("one", func(q *Request) { q.OnConflict = Reject }), proxy.KindDuplicateClient)
		b.wantRefusal(t, consumer("two", func(q *Request) { q.Limit = 1 }), proxy.KindLimitReached)
		one.stays(t)
	})
}

// TestALostRecordIsWrittenAgain loses one record after the other of a claim.
func TestALostRecordIsWrittenAgain(t *testing.T) {
	for nth := range 3 {
		virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
			t.Helper()
			count := 0
			a.mu.Lock()
			a.options.Append = func(records []Record, answered func(error)) {
				if len(records[0].Key) > len(claimKey) && records[0].Key[:len(claimKey)] == claimKey {
					if count++; count == nth+1 { // Kafka has it, as it seems, and loses it
						go answered(nil)
						return
					}
				}
				l.append(records, answered)
			}
			a.mu.Unlock()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			held, e := a.Claim(ctx, consumer("one", nil))
			if e != nil {
				t.Fatalf("record %d of the claim is lost: %v", nth, e)
			}
			held.Serve(newConnection(true))
			synctest.Wait() // b has read it
			if n := len(b.List()); n != 1 {
				t.Fatalf("record %d of the claim is lost: there are %d sessions", nth, n)
			}
			held.Close()
			time.Sleep(10 * time.Second)
			if n := len(b.List()); n != 0 {
				t.Errorf("record %d of the claim is lost: %d sessions are left", nth, n)
			}
			if count < 3 {
				t.Errorf("the claim has %d records", count)
			}
		})
	}
}

// TestTwoRestartsEndNobody lets the log be read again while the first announcement is under way.
func TestTwoRestartsEndNobody(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		l.recreate()
		l.recreate()
		time.Sleep(10 * time.Second)
		one.stays(t)
		if n := len(b.List()); n != 1 {
			t.Errorf("there are %d sessions", n)
		}
	})
}

// TestARemovalThatNobodyMeantEndsNobody has a claim removed for which there is no successor: its writer was
// stopped between the decision and the write.
func TestARemovalThatNobodyMeantEndsNobody(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		l.append([]Record{remove(claimKey + b.List()[0].ID)}, ignore)
		time.Sleep(time.Second)
		one.stays(t)
		if n := len(b.List()); n != 1 {
			t.Errorf("there are %d sessions", n)
		}
	})
}
