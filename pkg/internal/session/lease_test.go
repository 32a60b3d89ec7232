package session

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestLeasesThatDiffer has replicas of two leases, as while a setting is rolled out. No session lapses, and the
// sessions of a dead replica lapse after its own lease.
func TestLeasesThatDiffer(t *testing.T) {
	for _, lease := range []time.Duration{3 * time.Second, 30 * time.Second, 2 * time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			l := new(topic)
			a, b := l.join(t, "a"), l.joinWith(t, "b", lease)
			synctest.Wait()
			many := func(q *Request) { q.Partitions = 3 }
			one, two := newConnection(true), newConnection(true)
			a.mustClaim(t, consumer("one", many), one)
			b.mustClaim(t, consumer("two", many), two)
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			one.stays(t)
			two.stays(t)
			if a.replica.number+b.replica.number > 2 {
				t.Errorf("lease %v: %d and %d claims were written", lease, a.replica.number, b.replica.number)
			}
			l.leave(b)
			died := time.Now()
			waitFor(t, 2*lease+time.Minute, func() bool { return len(a.List()) == 1 })
			if took := time.Since(died); took < lease*4/5 || took > lease*5/4+2*time.Second {
				t.Errorf("lease %v: the session lapses after %v", lease, took)
			}
		})
	}
}

// TestAHeartbeatOfAnEarlierVersionIsRead has a replica whose heartbeats do not tell its lease: it is judged by
// that of the reader, as the earlier version does.
func TestAHeartbeatOfAnEarlierVersionIsRead(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		earlier := func(r Record) Record {
			if i := bytes.Index(r.Value, []byte(`,"lease":`)); strings.HasPrefix(r.Key, replicaKey) && i > 0 {
				r.Value = append(r.Value[:i:i], '}')
			}
			return r
		}
		a.mu.Lock()
		a.options.Append = func(records []Record, answered func(error)) {
			list := make([]Record, len(records))
			for i := range records {
				list[i] = earlier(records[i])
			}
			l.append(list, answered)
		}
		a.mu.Unlock()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		time.Sleep(5 * time.Minute)
		one.stays(t)
		if n := len(b.List()); n != 1 {
			t.Fatalf("there are %d sessions", n)
		}
		if run := b.replica.fold.runs[a.replica.id]; run.lease != 0 {
			t.Fatalf("the lease is %v", run.lease)
		}
		l.leave(a)
		died := time.Now()
		waitFor(t, time.Minute, func() bool { return len(b.List()) == 0 })
		if took := time.Since(died); took < 12*time.Second || took > 20*time.Second {
			t.Errorf("the session lapses after %v", took)
		}
	})
}

// TestAClockThatWasWrongCostsNoLapse has one record of a leader whose clock is an hour ahead.
func TestAClockThatWasWrongCostsNoLapse(t *testing.T) {
	s := newStory()
	beatOf := func(name string) Record { return set(replicaKey+name, &beat{Server: name, Lease: 15_000}) }
	s.at(0, beatOf("dead"))
	s.at(3600, beatOf("live"))
	for i := range 20 {
		s.at(float64(i), beatOf("live"))
	}
	if silent := s.fold.now - s.fold.runs["dead"].heard; silent < 19*time.Second || silent > 21*time.Second {
		t.Errorf("a run that has written nothing for 20 s was silent for %v", silent)
	}
}

// TestAReplicaBeatsWhileItReadsTheLogAgain has a replay that takes longer than the lease.
func TestAReplicaBeatsWhileItReadsTheLogAgain(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, consumer("one", nil), one)
		l.hold(a)
		a.Restart("the log is long")
		time.Sleep(time.Minute)
		if n := len(b.List()); n != 1 {
			t.Errorf("there are %d sessions", n)
		}
		l.reread(a)
		time.Sleep(time.Second)
		one.stays(t)
	})
}

// reread lets a replica that was held up read the log from its beginning.
func (l *topic) reread(s *Sessions) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, r := range l.records {
		s.Read(int64(i), l.times[i], []byte(r.Key), r.Value)
	}
	s.CaughtUp()
	l.held = nil
}

// TestAClosedReplicaWritesNothing closes a replica that reads the log again, and lets it go on reading.
func TestAClosedReplicaWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(topic)
		a := l.open("a", 15*time.Second)
		synctest.Wait()
		held := a.mustClaim(t, consumer("one", nil), newConnection(true))
		a.Restart("")
		held.Close()
		a.Close()
		synctest.Wait()
		before := l.size()
		l.reread(a)
		time.Sleep(time.Minute)
		if n := l.size() - before; n != 0 {
			t.Errorf("a closed replica has written %d records", n)
		}
		if _, e := a.Claim(t.Context(), consumer("two", nil)); e == nil {
			t.Error("a closed replica admits a client")
		}
		left := make(map[string]bool)
		for _, r := range l.records {
			left[r.Key] = r.Value != nil
		}
		for key, is := range left {
			if is {
				t.Errorf("it has left %s", key)
			}
		}
	})
}

func (l *topic) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

// TestTheLogOfIdleReplicasIsShort counts the heartbeats of replicas without clients.
func TestTheLogOfIdleReplicasIsShort(t *testing.T) {
	for _, replicas := range []int{1, 3, 20} {
		synctest.Test(t, func(t *testing.T) {
			l := new(topic)
			for i := range replicas {
				l.join(t, fmt.Sprint(i))
			}
			before := l.size()
			time.Sleep(time.Minute)
			n := float64(l.size()-before) / 60
			if most := float64(replicas)/3 + 3; n > most {
				t.Errorf("%d replicas write %.1f records a second, want %.1f at most", replicas, n, most)
			}
			t.Logf("%d replicas: %.1f records a second", replicas, n)
		})
	}
}

// TestAClaimWaitsWithinItsContext bounds what a claim waits for while the log stands still.
func TestAClaimWaitsWithinItsContext(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, _ *Sessions) {
		t.Helper()
		l.mu.Lock()
		l.still = time.Now().Add(10 * time.Second)
		l.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if _, e := a.Claim(ctx, consumer("one", nil)); e == nil || e.Kind != proxy.KindKafkaUnavailable {
			t.Errorf("got %v", e)
		}
		time.Sleep(20 * time.Second)
		if n := len(a.List()); n != 0 {
			t.Errorf("%d sessions are left of a client that was refused", n)
		}
	})
}
