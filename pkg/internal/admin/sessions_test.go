package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// registry is a Registry whose answers a test gives.
type registry struct {
	list    []session.Info
	more    bool
	unknown error
	evict   func(ctx context.Context, id string) error
}

func (r registry) Select(session.Filter) ([]session.Info, bool, error) {
	return r.list, r.more, r.unknown
}

func (r registry) Evict(ctx context.Context, id string) error { return r.evict(ctx, id) }

func noTails() map[string]int { return nil }

// TestTailsAreCounted behind the last page of sessions.
func TestTailsAreCounted(t *testing.T) {
	for name, test := range map[string]struct {
		which session.Filter
		more  bool
		want  string
	}{
		"all":               {session.Filter{}, false, `[{"kind":"tail","topic":"a","replica":"r","connections":2},{"kind":"tail","topic":"b","replica":"r","connections":1}]`},
		"of a topic":        {session.Filter{Topic: "b"}, false, `[{"kind":"tail","topic":"b","replica":"r","connections":1}]`},
		"of this replica":   {session.Filter{Topic: "b", Replica: "r"}, false, `[{"kind":"tail","topic":"b","replica":"r","connections":1}]`},
		"of another one":    {session.Filter{Replica: "s"}, false, `[]`},
		"of a client":       {session.Filter{Client: "c"}, false, `[]`},
		"of a group":        {session.Filter{Group: "g"}, false, `[]`},
		"another page next": {session.Filter{}, true, `[{"id":"1","kind":"","client":"","topic":"","replica":"","since":"0001-01-01T00:00:00Z"}]`},
	} {
		s := Sessions{Tails: func() map[string]int { return map[string]int{"b": 1, "a": 2} }, Replica: "r"}
		s.Registry = registry{}
		if test.more {
			s.Registry = registry{list: []session.Info{{ID: "1"}}, more: true}
		}
		all, err := s.All(test.which)
		checkAnswer(t, name, all, err, test.want)
	}
}

func TestSessionsAreListed(t *testing.T) {
	since := time.Date(2026, 11, 22, 14, 37, 0, 123e6, time.FixedZone("", 3600))
	for _, test := range []struct {
		name string
		list []session.Info
		want string
	}{
		{"nobody", nil, `[]`},
		{
			"a consumer",
			[]session.Info{{ID: "1", Kind: session.Consumer, Client: "c", Group: "g", Topic: "t", Replica: "r", Since: since}},
			`[{"id":"1","kind":"consumer","client":"c","group":"g","topic":"t","replica":"r","since":"2026-11-22T13:37:00.123Z"}]`,
		},
		{
			"a producer",
			[]session.Info{{ID: "2", Kind: session.Producer, Client: "c", Instance: "i", Topic: "t", Replica: "r", Since: since}},
			`[{"id":"2","kind":"producer","client":"c","instance":"i","topic":"t","replica":"r","since":"2026-11-22T13:37:00.123Z"}]`,
		},
		{
			"members, one of which knows its lag, and one elsewhere",
			[]session.Info{
				{ID: "5", Kind: session.Consumer, Client: "c", Group: "g", Topic: "t", Replica: "r", Since: since, Holder: reading{records: 7, lag: 2, known: true}},
				{ID: "6", Kind: session.Consumer, Client: "d", Group: "g", Topic: "t", Replica: "r", Since: since, Holder: reading{}},
				{ID: "7", Kind: session.Consumer, Client: "e", Group: "g", Topic: "t", Replica: "s", Since: since},
			},
			`[{"id":"5","kind":"consumer","client":"c","group":"g","topic":"t","replica":"r","since":"2026-11-22T13:37:00.123Z","records":7,"lag":2},` +
				`{"id":"6","kind":"consumer","client":"d","group":"g","topic":"t","replica":"r","since":"2026-11-22T13:37:00.123Z","records":0},` +
				`{"id":"7","kind":"consumer","client":"e","group":"g","topic":"t","replica":"s","since":"2026-11-22T13:37:00.123Z"}]`,
		},
		{
			"workers of a queue, here and elsewhere",
			[]session.Info{
				{ID: "3", Kind: session.Consumer, Client: "c", Group: "g", Topic: "t", Replica: "r", Since: since, Holder: working{held: 0}},
				{ID: "4", Kind: session.Consumer, Client: "d", Group: "g", Topic: "t", Replica: "s", Since: since},
			},
			`[{"id":"3","kind":"consumer","client":"c","group":"g","topic":"t","replica":"r","since":"2026-11-22T13:37:00.123Z","held":0},` +
				`{"id":"4","kind":"consumer","client":"d","group":"g","topic":"t","replica":"s","since":"2026-11-22T13:37:00.123Z"}]`,
		},
	} {
		s := Sessions{Registry: registry{list: test.list}, Tails: noTails}
		all, err := s.All(session.Filter{})
		checkAnswer(t, test.name, all, err, test.want)
	}
}

// working is a worker that holds some records.
type working struct {
	session.Holder

	held int
}

func (w working) Held() int { return w.held }

// reading is a member of a consumer group that was sent some records.
type reading struct {
	session.Holder

	records, lag int64
	known        bool
}

func (r reading) Records() int64     { return r.records }
func (r reading) Lag() (int64, bool) { return r.lag, r.known }

func TestSessionsArePaged(t *testing.T) {
	for more, next := range map[bool]string{true: "2", false: ""} {
		s := Sessions{Registry: registry{list: []session.Info{{ID: "1"}, {ID: "2"}}, more: more}, Tails: noTails}
		all, err := s.All(session.Filter{Limit: 2})
		if answer, _ := all.(Answer); err != nil || answer.Next != next {
			t.Errorf("%t: got %+v, %v", more, all, err)
		}
	}
}

func TestRows(t *testing.T) {
	double := func(n int) int { return 2 * n }
	for want, entries := range map[string][]int{"[]\n": nil, "[2]\n": {1}, "[2,4,6]\n": {1, 2, 3}} {
		var got strings.Builder
		if err := (rows[int, int]{entries, double}).WriteJSON(&got); err != nil || got.String() != want {
			t.Errorf("%v: got %q, %v", entries, got.String(), err)
		}
	}
	bad := rows[int, any]{[]int{1}, func(int) any { return make(chan int) }}
	if err := bad.WriteJSON(io.Discard); err == nil {
		t.Error("what has no JSON was written")
	}
	if err := (rows[int, int]{[]int{1}, double}).WriteJSON(full{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("to a client that is gone: %v", err)
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestSessionsThatAreNotKnown(t *testing.T) {
	s := Sessions{Registry: registry{unknown: proxy.Errorf(proxy.KindKafkaUnavailable, "They are being read.")}, Tails: noTails}
	_, err := s.All(session.Filter{})
	wantKind(t, "listing", err, proxy.KindKafkaUnavailable)
}

func TestEvict(t *testing.T) {
	unknown := proxy.Errorf(proxy.KindNotFound, "There is no session.")
	for _, test := range []struct {
		name  string
		evict func(ctx context.Context, id string) error
		want  proxy.Kind
		took  time.Duration
	}{
		{"gone", func(context.Context, string) error { return nil }, 0, 0},
		{"unknown", func(context.Context, string) error { return unknown }, proxy.KindNotFound, 0},
		{"not in time", func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return fmt.Errorf("waiting: %w", ctx.Err())
		}, proxy.KindTimeout, evictTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var evicted string
				s := Sessions{Registry: registry{evict: func(ctx context.Context, id string) error {
					evicted = id
					return test.evict(ctx, id)
				}}}
				r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, "/", nil)
				r.SetPathValue("id", "a/b")
				began := time.Now()
				answer, err := s.Evict(r)
				var e *proxy.Error
				if test.want == 0 && (err != nil || answer != none{}) || test.want != 0 && (!errors.As(err, &e) || e.Kind != test.want) {
					t.Errorf("got %v, %v", answer, err)
				}
				if evicted != "a/b" || time.Since(began) != test.took {
					t.Errorf("evicted %q in %v", evicted, time.Since(began))
				}
			})
		})
	}
}
