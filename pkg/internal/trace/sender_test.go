package trace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// broken is an exporter that fails.
type broken struct{ err error }

func (b broken) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return b.err }
func (b broken) Shutdown(context.Context) error                        { return nil }

func TestLostSpansAreLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := newSender(broken{errors.New("no way" + strings.Repeat(".", 1000))}, slog.New(slog.NewTextHandler(&log, nil)))
		spans := tracetest.SpanStubs{{}, {}}.Snapshots()
		for range 100 {
			if err := s.ExportSpans(t.Context(), spans); err != nil {
				t.Fatal(err)
			}
			time.Sleep(warnInterval / 10)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 10 {
			t.Errorf("%d warnings in ten intervals:\n%s", got, log.String())
		}
		lines := strings.Split(log.String(), "\n")
		if !strings.Contains(lines[0], "lost=2 ") || !strings.Contains(lines[1], "lost=20 ") || !strings.Contains(lines[0], "no way") {
			t.Errorf("got\n%s", log.String())
		}
		if len(lines[0]) > maxReason+200 {
			t.Errorf("a line of %d bytes", len(lines[0]))
		}
		_ = s.Shutdown(t.Context())
		s.stop()
	})
}

func TestACollectorThatIsDownHoldsUpNothing(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client goes
		<-r.Context().Done()
	}))
	defer silent.Close()
	absent := httptest.NewServer(nil)
	absent.Close()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	defer busy.Close()
	for name, url := range map[string]string{"silent": silent.URL, "absent": absent.URL, "busy": busy.URL} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			tracer, err := New([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url}, Program{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for range 5000 { // more than the queue holds
				tracer.Handshake(request(t), "/socket/in").End(http.StatusSwitchingProtocols, nil)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			began := time.Now()
			tracer.Close(ctx)
			if took := time.Since(began); took > flushTimeout+10*time.Second {
				t.Errorf("closing took %v", took)
			}
			if !strings.Contains(log.String(), "sending traces failed") {
				t.Errorf("the log tells nothing:\n%s", log.String())
			}
		})
	}
}
