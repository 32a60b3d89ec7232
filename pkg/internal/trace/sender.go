package trace

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// warnInterval is the shortest time between two warnings that spans are lost.
	warnInterval = time.Minute
	// maxReason bounds the length of the reason in a warning, in bytes: collectors may answer with whole
	// pages.
	maxReason = 300
)

// sender sends spans, and logs when it cannot. The SDK would call a global error handler.
type sender struct {
	exporter sdk.SpanExporter
	log      *slog.Logger
	giveUp   context.Context //nolint:containedctx // ends a send in progress, when the shutdown has no time left
	cancel   context.CancelFunc
	over     chan struct{} // closed when sending has ended

	mu     sync.Mutex // guards what follows
	warned time.Time
	lost   int // spans lost since then
}

func newSender(exporter sdk.SpanExporter, log *slog.Logger) *sender {
	s := &sender{exporter: exporter, log: log, over: make(chan struct{})}
	s.giveUp, s.cancel = context.WithCancel(context.Background())
	return s
}

// ExportSpans implements sdk.SpanExporter. It never fails.
func (s *sender) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.giveUp, cancel)()
	if err := s.exporter.ExportSpans(ctx, spans); err != nil {
		s.warn(err, len(spans), time.Now())
	}
	return nil
}

// warn logs that spans are lost, at most once per warnInterval.
func (s *sender) warn(err error, lost int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += lost
	if !s.warned.IsZero() && now.Sub(s.warned) < warnInterval {
		return
	}
	reason := err.Error()
	s.log.Warn("sending traces failed", "lost", s.lost, "err", reason[:min(len(reason), maxReason)])
	s.warned, s.lost = now, 0
}

// Shutdown implements sdk.SpanExporter. The SDK calls it after the last send.
func (s *sender) Shutdown(ctx context.Context) error {
	defer close(s.over)
	return s.exporter.Shutdown(ctx) //nolint:wrapcheck // nobody but the SDK sees it
}

// stop aborts a send in progress, and waits until it has ended.
func (s *sender) stop() {
	s.cancel()
	<-s.over
}
