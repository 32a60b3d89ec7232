package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// tell has a replica answer each question with its name and the sessions that it holds.
func tell(s *Sessions, name string) {
	s.ReportBy(func(_ Question, held map[string]Holder) []byte {
		return fmt.Appendf(nil, `"%s %d"`, name, len(held))
	})
}

// asked returns what was reported, sorted, and behind it who was silent.
func asked(t *testing.T, s *Sessions, q Question) string {
	t.Helper()
	r := s.Ask(t.Context(), q)
	var told []string
	for _, one := range r.All {
		told = append(told, one.Replica+":"+string(one.Body))
	}
	slices.Sort(told)
	return strings.Join(told, " ") + " silent:" + strings.Join(r.Silent, ",")
}

func wantAsked(t *testing.T, what string, s *Sessions, q Question, want string) {
	t.Helper()
	if got := asked(t, s, q); got != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// keysOf returns the keys of a kind that are in the log, after a compaction.
func (l *topic) keysOf(kind string) (keys []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := make(map[string][]byte)
	for _, r := range l.records {
		last[r.Key] = r.Value
	}
	for _, key := range inOrder(last) {
		if last[key] != nil && strings.HasPrefix(key, kind) {
			keys = append(keys, key)
		}
	}
	return keys
}

// wroteOf counts the records of a kind that were ever written, removals included.
func (l *topic) wroteOf(kind string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if strings.HasPrefix(r.Key, kind) {
			n++
		}
	}
	return n
}

var everything = Question{Closes: &EndsOfWhom{Limit: 1}}

// trio has three replicas, of which the last two have a client each. It returns the ids of their sessions.
func trio(t *testing.T) (l *topic, all []*Sessions, ids []string) {
	t.Helper()
	l = new(topic)
	for _, name := range []string{"a", "b", "c"} {
		s := l.join(t, name)
		tell(s, name)
		all = append(all, s)
	}
	time.Sleep(5 * time.Second) // heartbeats
	for i, name := range []string{"a", "b", "c"} {
		if i > 0 {
			all[i].mustClaim(t, consumer(name, func(q *Request) { q.Partitions = 0 }), newConnection(true))
		}
	}
	for _, i := range all[0].List() {
		ids = append(ids, i.ID)
	}
	return l, all, ids
}

func TestReplicasTellOfTheirSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all, ids := trio(t)
		a, b := all[0], all[1]
		first, _, _ := a.Select(Filter{Client: "b"})
		wantAsked(t, "all", a, Question{Sessions: ids}, `b:"b 1" c:"c 1" silent:`)
		wantAsked(t, "one", a, Question{Sessions: []string{first[0].ID}}, `b:"b 1" silent:`)
		wantAsked(t, "those of others", b, Question{Sessions: ids}, `c:"c 1" silent:`)
		wantAsked(t, "an own one", b, Question{Sessions: []string{first[0].ID}}, ` silent:`)
		wantAsked(t, "what is no session", a, Question{Sessions: []string{"x"}}, ` silent:`)
		wantAsked(t, "closes", a, everything, `b:"b 0" c:"c 0" silent:`)
		wantAsked(t, "nothing", a, Question{}, ` silent:`)
	})
}

// TestWhoIsSilentIsNamed within two seconds, with what the others have told.
func TestWhoIsSilentIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, ids := trio(t)
		l.hold(all[2])
		began := time.Now()
		wantAsked(t, "held up", all[0], Question{Sessions: ids}, `b:"b 1" silent:c`)
		if took := time.Since(began); took < reportTime || took > reportTime+time.Second {
			t.Errorf("it took %v", took)
		}
		l.unhold(all[2])
		time.Sleep(5 * time.Second)
		l.outage(true)
		wantAsked(t, "without Kafka", all[0], Question{Sessions: ids}, ` silent:b,c`)
		l.outage(false)
	})
}

// TestNothingIsWrittenWhenNobodyAsks, and what was written is removed.
func TestNothingIsWrittenWhenNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, ids := trio(t)
		time.Sleep(time.Minute)
		if n := l.wroteOf(questionKey) + l.wroteOf(reportKey); n != 0 {
			t.Errorf("%d records were written before anybody asked", n)
		}
		asked(t, all[0], Question{Sessions: ids})
		if q, r := l.keysOf(questionKey), l.keysOf(reportKey); len(q) != 1 || len(r) != 2 {
			t.Errorf("the log has %q and %q", q, r)
		}
		time.Sleep(time.Minute)
		if left := append(l.keysOf(questionKey), l.keysOf(reportKey)...); len(left) != 0 {
			t.Errorf("the log still has %q", left)
		}
		before := l.wroteOf(questionKey) + l.wroteOf(reportKey)
		time.Sleep(time.Minute)
		if n := l.wroteOf(questionKey) + l.wroteOf(reportKey); n != before {
			t.Errorf("%d records more were written", n-before)
		}
	})
}

// TestAnOldQuestionIsNotAnswered by a replica that reads it when it starts, or that was held up until it was over.
func TestAnOldQuestionIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, _ := trio(t)
		asked(t, all[0], everything)
		l.mu.Lock()
		all[1].Restart("the test says so")
		l.mu.Unlock()
		before := l.wroteOf(reportKey)
		l.reread(all[1])
		time.Sleep(time.Second)
		if n := l.wroteOf(reportKey) - before; n > 1 { // its report of before is removed: nobody knows whose it is
			t.Errorf("%d reports were written after a replay", n)
		}
		if left := l.keysOf(reportKey); len(left) != 1 {
			t.Errorf("the log has %q", left)
		}
		l.hold(all[2])
		for range 5 {
			asked(t, all[0], everything)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Microsecond) // so that no tick comes while the questions are read
		before = l.wroteOf(reportKey)
		l.unhold(all[2])
		time.Sleep(time.Second)
		if n := l.wroteOf(reportKey) - before; n != 1 {
			t.Errorf("who was held up wrote %d reports", n)
		}
	})
}

// TestWhoLeavesTakesItsRecordsAlong: the question of one that is still asking, and the report of another one.
func TestWhoLeavesTakesItsRecordsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(topic)
		a, b, c := l.open("a", 15*time.Second), l.open("b", 15*time.Second), l.join(t, "c")
		tell(b, "b")
		time.Sleep(5 * time.Second)
		answered := make(chan Reports)
		go func() { answered <- a.Ask(t.Context(), everything) }()
		time.Sleep(time.Second)
		if q, r := l.keysOf(questionKey), l.keysOf(reportKey); len(q) != 1 || len(r) != 1 {
			t.Fatalf("the log has %q and %q", q, r)
		}
		a.Close()
		b.Close()
		if got := <-answered; len(got.All) != 1 || !slices.Equal(got.Silent, []string{"c"}) {
			t.Errorf("got %+v", got)
		}
		time.Sleep(time.Second)
		if left := append(l.keysOf(questionKey), l.keysOf(reportKey)...); len(left) != 0 {
			t.Errorf("the log has %q", left)
		}
		if got := c.Ask(t.Context(), everything); len(got.All)+len(got.Silent) != 0 {
			t.Errorf("who is alone was told %+v", got)
		}
	})
}

// TestAReplicaAsksSeldom however many ask it: the same question once, and others in turn.
func TestAReplicaAsksSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, ids := trio(t)
		ctx, cancel := context.WithCancel(t.Context())
		var admins sync.WaitGroup
		for i := range 50 {
			admins.Go(func() {
				for ctx.Err() == nil {
					q := Question{Sessions: ids}
					if i%2 == 0 {
						q = Question{Closes: &EndsOfWhom{Client: proxy.ClientID(fmt.Sprint(i)), Limit: 1}}
					}
					all[0].Ask(ctx, q)
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		const seconds = 20
		time.Sleep(seconds * time.Second)
		cancel()
		admins.Wait()
		if n := l.wroteOf(questionKey); n < seconds/2 || n > seconds+asksAtOnce {
			t.Errorf("%d questions were written in %d s", n, seconds)
		}
	})
}

// TestEarlierVersionsSeeNoQuestion: they would count it as a record that is not the proxy's.
func TestEarlierVersionsSeeNoQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, ids := trio(t)
		earlier := func() {
			l.append([]Record{{replicaKey + "earlier", []byte(`{"server":"old","count":1,"lease":15000}`)}}, func(error) {})
		}
		earlier()
		time.Sleep(time.Second)
		before := l.wroteOf(questionKey)
		wantAsked(t, "beside an earlier version", all[0], Question{Sessions: ids}, ` silent:b,c`)
		wantAsked(t, "beside an earlier version", all[0], everything, ` silent:b,c,old`)
		if n := l.wroteOf(questionKey) - before; n != 0 {
			t.Errorf("%d questions were written", n)
		}
		time.Sleep(time.Minute) // its lease is over
		wantAsked(t, "when it is gone", all[0], Question{Sessions: ids}, `b:"b 1" c:"c 1" silent:`)
	})
}

// TestAReportOnAnotherQuestionIsNoAnswer, nor is one to another replica.
func TestAReportOnAnotherQuestionIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, all, _ := trio(t)
		l.hold(all[2])
		a, c := all[0].replica.id, all[2].replica.id
		answered := make(chan Reports)
		go func() { answered <- all[0].Ask(t.Context(), everything) }()
		time.Sleep(time.Second)
		for _, p := range []*report{{By: c, To: a, Number: 99, Body: []byte("1")}, {By: c, To: c, Number: 1, Body: []byte("1")}} {
			l.append([]Record{set(p.key(), p)}, func(error) {})
		}
		if got := <-answered; len(got.All) != 1 || !slices.Equal(got.Silent, []string{"c"}) {
			t.Errorf("got %+v", got)
		}
		l.unhold(all[2])
	})
}

// TestReportsAreBounded looks at one that is too long, and at one that is no JSON.
func TestReportsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all, ids := trio(t)
		all[1].ReportBy(func(Question, map[string]Holder) []byte {
			return fmt.Appendf(nil, "%q", strings.Repeat("x", MostReported))
		})
		all[2].ReportBy(func(Question, map[string]Holder) []byte { return []byte("{") })
		wantAsked(t, "bad reports", all[0], Question{Sessions: ids}, ` silent:b,c`)
		all[1].ReportBy(func(Question, map[string]Holder) []byte {
			return fmt.Appendf(nil, "%q", strings.Repeat("x", MostReported-2))
		})
		if r := all[0].Ask(t.Context(), everything); len(r.All) != 1 || len(r.All[0].Body) != MostReported {
			t.Errorf("got %d reports", len(r.All))
		}
	})
}

// TestQuestionsOfOtherPrograms are read, and are refused where they are not what the proxy writes.
func TestQuestionsOfOtherPrograms(t *testing.T) {
	many := strings.Repeat(`"x",`, MostAsked) + `"x"`
	for value, want := range map[string]bool{
		`{"by":"r","number":1,"to":["s"],"sessions":["x"]}`:                           true,
		`{"by":"r","number":1,"to":["s"],"closes":{"limit":200}}`:                     true,
		`{"by":"s","number":1,"to":["s"]}`:                                            false,
		`{"by":"r","number":1,"to":["s"],"closes":{"limit":201}}`:                     false,
		`{"by":"r","number":1,"to":["s"],"closes":{}}`:                                false,
		`{"by":"r","number":1,"to":[` + many + `]}`:                                   false,
		`{"by":"r","number":1,"sessions":[` + many + `]}`:                             false,
		`{"by":"r","number":1,"sessions":["` + strings.Repeat("x", maxText+1) + `"]}`: false,
		`{"by":"r","number":"1"}`:                                                     false,
		`{`:                                                                           false,
	} {
		if l := readLog(0, time.Time{}, questionKey+"r", []byte(value)); (l.record != nil) != want {
			t.Errorf("%.80s: got %v", value, l.record)
		}
	}
	for key, want := range map[string]bool{"report/r/s": true, "report/r/x": false, "report/r": false, "report/s/r": false} {
		if l := readLog(0, time.Time{}, key, []byte(`{"by":"r","to":"s","number":1,"body":{}}`)); (l.record != nil) != want {
			t.Errorf("%s: got %v", key, l.record)
		}
	}
}
