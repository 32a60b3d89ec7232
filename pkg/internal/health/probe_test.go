package health_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
)

// probe runs a prober of the check "kafka" with an interval of 10 s and a timeout of 2 s, until
// stop, which waits for it.
func probe(t *testing.T, c *health.Checks, check func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Probe(ctx, "kafka", 10*time.Second, 2*time.Second, check)
	}()
	return func() { cancel(); <-done }
}

func wantKafka(t *testing.T, c *health.Checks, want string) {
	t.Helper()
	w := get(c.Readyz())
	if !strings.Contains(w.Body.String(), `"kafka":"`+want+`"`) {
		t.Errorf("got %s, want %s", w.Body, want)
	}
	if ready := want == "ok"; ready != (w.Code == http.StatusOK) {
		t.Errorf("status %d with %s", w.Code, want)
	}
}

func TestProbeRunsAtOnceAndThenEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := health.New(nil, "kafka")
		start := time.Now()
		var runs []time.Duration
		takes := time.Second
		stop := probe(t, c, func(context.Context) error {
			runs = append(runs, time.Since(start))
			time.Sleep(takes)
			return nil
		})
		time.Sleep(35 * time.Second)
		stop()
		want := []time.Duration{0, 10 * time.Second, 20 * time.Second, 30 * time.Second}
		if !slices.Equal(runs, want) {
			t.Errorf("ran at %v, want %v", runs, want)
		}
	})
}

func TestProbeResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := health.New(nil, "kafka")
		results := []error{nil, nil, errors.New("no broker answers"), nil, nil} // the first one blocks
		var runs int
		stop := probe(t, c, func(ctx context.Context) error {
			runs++
			if runs > 1 {
				return results[runs-1]
			}
			<-ctx.Done()
			return ctx.Err()
		})
		defer stop()

		synctest.Wait()
		wantKafka(t, c, "not checked yet") // the answer does not wait for the first run
		for _, want := range []string{"no answer within 2s", "ok", "no broker answers", "ok"} {
			time.Sleep(5 * time.Second)
			wantKafka(t, c, want)
			time.Sleep(5 * time.Second) // at which the next run begins, and ends at once
			synctest.Wait()
		}
	})
}

func TestProbeKeepsTheLastResultWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := health.New(nil, "kafka")
		var runs int
		stop := probe(t, c, func(ctx context.Context) error {
			if runs++; runs == 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		time.Sleep(11 * time.Second) // the second run began at 10 s and ends at 12 s
		wantKafka(t, c, "ok")
		stop()
		wantKafka(t, c, "ok") // a run cut short by the end is no result
	})
}
