package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// List returns all sessions, and none while the log is being read.
func (s *Sessions) List() []Info {
	list, _, _ := s.Select(Filter{})
	return list
}

// wantUnread fails the test if an error does not say that the log is being read.
func wantUnread(t *testing.T, what string, err error) {
	t.Helper()
	var e *proxy.Error
	if !errors.As(err, &e) || e.Kind != proxy.KindKafkaUnavailable {
		t.Errorf("%s: got %v", what, err)
	}
}

func TestSessionsAreSelected(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		t.Helper()
		for i, s := range []*Sessions{a, b} {
			request := consumer(fmt.Sprint("client", i), func(q *Request) {
				q.Group, q.Topic = proxy.GroupID(fmt.Sprint("group", i)), fmt.Sprint("topic", i)
			})
			s.mustClaim(t, request, newConnection(true))
		}
		all := b.List()
		if len(all) != 2 || all[0].ID >= all[1].ID {
			t.Fatalf("got %+v", all)
		}
		at := slices.IndexFunc(all, func(i Info) bool { return i.Client == "client1" })
		for name, test := range map[string]struct {
			filter Filter
			want   []Info
			more   bool
		}{
			"by client":         {Filter{Client: "client1"}, all[at : at+1], false},
			"by group":          {Filter{Group: "group1"}, all[at : at+1], false},
			"by topic":          {Filter{Topic: "topic1"}, all[at : at+1], false},
			"by replica":        {Filter{Replica: "b"}, all[at : at+1], false},
			"by all":            {Filter{Client: "client1", Group: "group1", Topic: "topic1", Replica: "b"}, all[at : at+1], false},
			"by what disagrees": {Filter{Client: "client1", Replica: "a"}, nil, false},
			"after the first":   {Filter{After: all[0].ID}, all[1:], false},
			"after the last":    {Filter{After: all[1].ID}, nil, false},
			"the first one":     {Filter{Limit: 1}, all[:1], true},
			"the first two":     {Filter{Limit: 2}, all, false},
			"the next one":      {Filter{Limit: 1, After: all[0].ID}, all[1:], false},
		} {
			if got, more, err := b.Select(test.filter); err != nil || more != test.more || !slices.Equal(got, test.want) {
				t.Errorf("%s: got %+v, %t, %v", name, got, more, err)
			}
		}
	})
}

// TestAReplicaListsTheConnectionsThatHoldItsSessions, and none for the sessions of others.
func TestAReplicaListsTheConnectionsThatHoldItsSessions(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, b *Sessions) {
		t.Helper()
		c := newConnection(true)
		a.mustClaim(t, consumer("one", nil), c)
		if got := a.List(); len(got) != 1 || got[0].Holder != c {
			t.Errorf("its own replica lists %+v", got)
		}
		if got := b.List(); len(got) != 1 || got[0].Holder != nil {
			t.Errorf("another replica lists %+v", got)
		}
	})
}

// TestSessionsWhileTheLogIsRead asks for sessions before the log was read to its end.
func TestSessionsWhileTheLogIsRead(t *testing.T) {
	virtually(t, func(t *testing.T, _ *topic, a, _ *Sessions) {
		t.Helper()
		a.mustClaim(t, consumer("one", nil), newConnection(true))
		id := a.List()[0].ID
		a.Restart("the test says so")
		_, _, err := a.Select(Filter{})
		wantUnread(t, "listing", err)
		wantUnread(t, "evicting", a.Evict(t.Context(), id))
		a.CaughtUp()
		if _, _, err := a.Select(Filter{}); err != nil {
			t.Error(err)
		}
	})
}

// TestAnEvictionWaitsForTheLog evicts a session while the log is read again: it is unknown then whether the
// session has ended.
func TestAnEvictionWaitsForTheLog(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, _ *Sessions) {
		t.Helper()
		a.mustClaim(t, consumer("one", nil), newConnection(true))
		id := a.List()[0].ID
		l.outage(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- a.Evict(ctx, id) }()
		synctest.Wait()
		a.Restart("the test says so")
		if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		a.CaughtUp()
		l.outage(false)
	})
}

// admission is the value of an admitted claim of another replica, as it is in the log.
func admission(client, group, topic string, at time.Time) []byte {
	return fmt.Appendf(nil, `{"state":"admitted","kind":"consumer","client":%q,"group":%q,"topic":%q,"subject":"alice","method":"user",`+
		`"replica":"other","server":"b","since":%d,"lease":3600000,"asked":%d}`, client, group, topic, at.UnixMilli(), at.UnixMilli())
}

// crowd returns a replica that knows many sessions of others.
func crowd(tb testing.TB, sessions int) *Sessions {
	tb.Helper()
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "claims"})
	s := New(Options{
		Server: "a", Lease: time.Hour, Append: func(_ []Record, done func(error)) { done(nil) }, Log: slog.New(slog.DiscardHandler),
		Claims: func(Kind) prometheus.Gauge { return gauge }, Conflict: func(string) {}, Skipped: func(int) {},
	})
	tb.Cleanup(s.Close)
	s.Restart("")
	now := time.Now()
	for i := range sessions {
		s.Read(int64(i), now, fmt.Appendf(nil, "claim/other.%d", i), admission(fmt.Sprintf("client-%06d", i), fmt.Sprintf("group-%d", i%1000), "topic", now))
	}
	s.CaughtUp()
	if n := len(s.List()); n != sessions {
		tb.Fatalf("it knows %d sessions", n)
	}
	return s
}

// TestListingLetsOthersIn lists many sessions, of which one or the other of two is there, never both or none. A
// list that has both, or none, shows that others got the lock meanwhile. It takes several tries: on a busy machine
// the others may not be running just then.
func TestListingLetsOthersIn(t *testing.T) {
	const sessions, tries = 20_000, 1000
	s := crowd(t, sessions)
	one, two := s.replica.fold.claims["other.1"], s.replica.fold.claims["other.2"]
	one.standing = void
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for !over.Load() {
			s.mu.Lock()
			one.standing, two.standing = two.standing, one.standing
			s.mu.Unlock()
		}
	}()
	let := false
	for try := 0; try < tries && !let; try++ {
		list, _, err := s.Select(Filter{})
		if err != nil {
			t.Fatal(err)
		}
		let = len(list) != sessions-1
	}
	over.Store(true)
	<-ended
	if !let {
		t.Errorf("nobody got the lock while %d sessions were listed", sessions)
	}
}

// TestListingWhileSessionsEnd lists sessions while others begin and end: those that stay are listed once.
func TestListingWhileSessionsEnd(t *testing.T) {
	const stay = 5_000
	s := crowd(t, stay)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for offset := int64(stay); ; offset += 2 {
			select {
			case <-stop:
				return
			default:
			}
			now := time.Now()
			key := fmt.Appendf(nil, "claim/other.x%d", offset)
			s.Read(offset, now, key, admission("brief", "brief", "brief", now))
			s.Read(offset+1, now, key, nil)
		}
	}()
	for range 5 {
		list, _, err := s.Select(Filter{Topic: "topic"})
		if err != nil {
			t.Fatal(err)
		}
		if unique := len(slices.CompactFunc(list, func(a, b Info) bool { return a.ID == b.ID })); unique != stay || len(list) != stay {
			t.Errorf("listed %d, %d of them different", len(list), unique)
		}
	}
	close(stop)
	<-stopped
}

// BenchmarkSelect lists 100,000 sessions.
func BenchmarkSelect(b *testing.B) {
	s := crowd(b, 100_000)
	for name, filter := range map[string]Filter{"all": {}, "group": {Group: "group-7"}, "page": {Limit: 100}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := s.Select(filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
