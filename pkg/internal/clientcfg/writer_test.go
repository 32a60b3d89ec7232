package clientcfg

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// fakeLog passes appended records back to a table.
type fakeLog struct {
	table             *Table
	ackAfter, backIn  time.Duration
	refuse            error
	silent            bool // never acknowledges
	mu                sync.Mutex
	appends, underWay int
	most              int // appends at a time
	records           []string
}

func (l *fakeLog) Append(records []Record, done func(error)) {
	l.mu.Lock()
	l.appends++
	l.underWay++
	l.most = max(l.most, l.underWay)
	for _, r := range records {
		l.records = append(l.records, fmt.Sprintf("%s=%s", r.Key, r.Value))
	}
	l.mu.Unlock()
	time.AfterFunc(l.backIn, func() {
		for _, r := range records {
			if l.refuse == nil {
				l.table.Read(0, time.Time{}, r.Key, r.Value)
			}
		}
	})
	time.AfterFunc(l.ackAfter, func() {
		l.mu.Lock()
		l.underWay--
		l.mu.Unlock()
		if !l.silent {
			done(l.refuse)
		}
	})
}

// writer makes a writer to the log, with a table whose topic has been read to the end.
func (l *fakeLog) writer() *Writer {
	l.table, _ = counted(Static{})
	l.table.CaughtUp()
	return NewWriter(l.table, l)
}

func wantKind(t *testing.T, what string, err error, want proxy.Kind) {
	t.Helper()
	if e := new(proxy.Error); !errors.As(err, &e) || e.Kind != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func TestAChangeIsInForceWhenItIsAnswered(t *testing.T) {
	for name, log := range map[string]*fakeLog{
		"read back after the acknowledgement":  {ackAfter: time.Second, backIn: 3 * time.Second},
		"read back before the acknowledgement": {ackAfter: 3 * time.Second, backIn: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := log.writer()
				table := w.table
				began := time.Now()
				three, four := 3, 4
				created, err := w.Create(t.Context(), Consumer, "g", Entry{BatchSize: &three})
				if got := table.Limits(Consumer, "g"); err != nil || got != (Limits{1, 2, 3}) || *created.MaxConnections != 1 {
					t.Errorf("got %+v, %v, in force %+v", created, err, got)
				}
				if took := time.Since(began); took != 3*time.Second {
					t.Errorf("it took %v", took)
				}
				_, err = w.Create(t.Context(), Consumer, "g", Entry{})
				wantKind(t, "a second entry", err, proxy.KindAlreadyExists)

				replaced, err := w.Replace(t.Context(), Consumer, "g", Entry{MaxConnections: &four})
				if got := table.Limits(Consumer, "g"); err != nil || got != (Limits{4, 2, 3}) || *replaced.MaxConnections != 4 {
					t.Errorf("got %+v, %v, in force %+v", replaced, err, got)
				}
				_, err = w.Replace(t.Context(), Producer, "g", Entry{})
				wantKind(t, "no entry to replace", err, proxy.KindNotFound)

				if err := w.Remove(t.Context(), Consumer, "g"); err != nil || table.Limits(Consumer, "g") != consumerDefaults {
					t.Errorf("got %v, in force %+v", err, table.Limits(Consumer, "g"))
				}
				wantKind(t, "no entry to remove", w.Remove(t.Context(), Consumer, "g"), proxy.KindNotFound)
			})
		})
	}
}

func TestClear(t *testing.T) {
	log := &fakeLog{}
	synctest.Test(t, func(t *testing.T) {
		w := log.writer()
		table := w.table
		if err := w.Clear(t.Context()); err != nil || log.appends != 0 {
			t.Errorf("nothing to clear: %v, %d appends", err, log.appends)
		}
		table.read("consumer/a", `{}`)
		table.read("producer/b", `{}`)
		if err := w.Clear(t.Context()); err != nil || len(table.dynamic) != 0 {
			t.Errorf("got %v, %d entries left", err, len(table.dynamic))
		}
		slices.Sort(log.records)
		if !slices.Equal(log.records, []string{"consumer/a=", "producer/b="}) {
			t.Errorf("appended %q", log.records)
		}
	})
}

func TestChangesThatFail(t *testing.T) {
	for _, test := range []struct {
		name string
		log  *fakeLog
		want proxy.Kind
	}{
		{"refused before it is sent", &fakeLog{refuse: fmt.Errorf("%w: the topic is not open", ErrNotAppended)}, proxy.KindKafkaUnavailable},
		{"without an answer", &fakeLog{refuse: errors.New("the connection was lost")}, proxy.KindTimeout},
		{"never acknowledged", &fakeLog{silent: true}, proxy.KindTimeout},
		{"never read back", &fakeLog{backIn: time.Hour}, proxy.KindTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := test.log.writer()
				table := w.table
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				_, err := w.Create(ctx, Consumer, "g", Entry{})
				wantKind(t, "got", err, test.want)
				if table.awaited != nil {
					t.Error("it is awaited still")
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

func TestNothingIsChangedBeforeTheEndOfTheTopic(t *testing.T) {
	log := &fakeLog{}
	log.table, _ = counted(Static{})
	w := NewWriter(log.table, log)
	_, errCreate := w.Create(t.Context(), Consumer, "g", Entry{})
	_, errReplace := w.Replace(t.Context(), Consumer, "g", Entry{})
	for _, err := range []error{errCreate, errReplace, w.Remove(t.Context(), Consumer, "g"), w.Clear(t.Context())} {
		wantKind(t, "got", err, proxy.KindKafkaUnavailable)
	}
	if log.appends != 0 {
		t.Errorf("%d appends", log.appends)
	}
}

func TestOneChangeAtATime(t *testing.T) {
	log := &fakeLog{ackAfter: time.Second, backIn: time.Second}
	synctest.Test(t, func(t *testing.T) {
		w := log.writer()
		var group sync.WaitGroup
		var mu sync.Mutex
		created := 0
		for range 5 {
			group.Go(func() {
				if _, err := w.Create(t.Context(), Consumer, "g", Entry{}); err == nil {
					mu.Lock()
					created++
					mu.Unlock()
				}
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		wantKind(t, "one that waits too long for its turn", w.Clear(ctx), proxy.KindKafkaUnavailable)
		group.Wait()
		if created != 1 || log.most != 1 || log.appends != 1 {
			t.Errorf("created %d times, %d appends, %d at a time", created, log.appends, log.most)
		}
	})
}

// TestAChangeWaitsForTheTopicThatIsReadAnew checks that a change that is read back is in force.
func TestAChangeWaitsForTheTopicThatIsReadAnew(t *testing.T) {
	log := &fakeLog{backIn: time.Second}
	synctest.Test(t, func(t *testing.T) {
		w := log.writer()
		table := w.table
		table.Restart("the topic was made again")
		time.AfterFunc(5*time.Second, table.CaughtUp)
		began := time.Now()
		_, err := w.Create(t.Context(), Consumer, "g", Entry{})
		if took := time.Since(began); err != nil || took != 5*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
