package consume

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mortal is a topic that a test ends.
type mortal struct{ over chan struct{} }

func (m mortal) Over() <-chan struct{} { return m.over }
func (mortal) End() *proxy.Error       { return proxy.Errorf(proxy.KindTopicNotFound, "over") }

var errTrouble = errors.New("something fails")

func TestTroublePausesGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var row trouble
		topic := mortal{make(chan struct{})}
		v := outcome{within: time.Hour}
		for _, want := range []int{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			first, end := row.meet(time.Now(), v, errTrouble)
			if _, again := row.meet(time.Now(), v, errTrouble); first != (want == 100) || end != nil || again != nil { // of the same poll
				t.Errorf("first %t, %v", first, end)
			}
			began := time.Now()
			if err := row.wait(t.Context(), topic); err != nil {
				t.Error(err)
			}
			if got := time.Since(began).Milliseconds(); got != int64(want) {
				t.Errorf("waits %d ms, want %d", got, want)
			}
			began = time.Now()
			if err := row.wait(t.Context(), topic); err != nil || time.Since(began) != 0 {
				t.Errorf("without a new error it waits %v, %v", time.Since(began), err)
			}
		}
		time.Sleep(quietFor + time.Second)
		if first, _ := row.meet(time.Now(), v, errTrouble); !first {
			t.Error("an error long after the others belongs to their row")
		}
		if began := time.Now(); row.wait(t.Context(), topic) != nil || time.Since(began) != troublePause {
			t.Errorf("waits %v after a first error", time.Since(began))
		}
	})
}

func TestTroubleThatLastsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var row trouble
		topic := mortal{make(chan struct{})}
		began := time.Now()
		for {
			_, end := row.meet(time.Now(), outcome{within: passWithin}, errTrouble)
			if end != nil {
				if end.Kind != proxy.KindKafkaUnavailable || !errors.Is(end, errTrouble) {
					t.Errorf("got %v", end)
				}
				break
			}
			if err := row.wait(t.Context(), topic); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < passWithin || took > passWithin+2*troublePauses {
			t.Errorf("it took %v", took)
		}
	})
}

// TestTroubleWaitsForTheTopic uses an error that is not repeated although its cause does not pass, as
// after franz-go has dropped a partition.
func TestTroubleWaitsForTheTopic(t *testing.T) {
	for name, test := range map[string]struct {
		topicEnds, ctxEnds time.Duration
		stays              bool
		kind               proxy.Kind
		after              time.Duration
	}{
		"the topic ends":          {10 * time.Second, time.Hour, true, proxy.KindTopicNotFound, 10 * time.Second},
		"the topic does not end":  {time.Hour, time.Hour, true, proxy.KindKafkaUnavailable, endWithin},
		"the connection ends":     {time.Hour, time.Second, true, proxy.KindInternal, time.Second},
		"the topic ends at a try": {50 * time.Millisecond, time.Hour, false, proxy.KindTopicNotFound, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				topic := mortal{make(chan struct{})}
				defer time.AfterFunc(test.topicEnds, func() { close(topic.over) }).Stop()
				ctx, cancel := context.WithTimeout(t.Context(), test.ctxEnds)
				defer cancel()
				var row trouble
				if _, end := row.meet(time.Now(), outcome{within: endWithin, stays: test.stays}, errTrouble); end != nil {
					t.Error(end)
				}
				began := time.Now()
				err := row.wait(ctx, topic)
				if err == nil || proxy.AsError(err).Kind != test.kind || time.Since(began) != test.after {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		})
	}
}
