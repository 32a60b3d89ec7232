package trace

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// warnInterval is the least between two warnings that spans are lost.
	warnInterval = time.Minute
	// maxReason bounds what a warning tells of the reason, in bytes: collectors may answer with pages.
	maxReason = 300
)

// sender sends spans, and tells the log when it cannot. The SDK would tell a handler that is
// global.
type sender struct {
	exporter sdk.SpanExporter
	log      *slog.Logger
	giveUp   context.Context //nolint:containedctx // ends what is being sent, when the shutdown has no time left
	cancel   context.CancelFunc
	over     chan struct{} // closed when nothing is sent anymore

	mu     sync.Mutex // guards what follows
	warned time.Time
	lost   int // spans, since then
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

// warn tells that spans are lost, now and then.
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

// Shutdown implements sdk.SpanExporter. The SDK calls it when it sends nothing anymore.
func (s *sender) Shutdown(ctx context.Context) error {
	defer close(s.over)
	return s.exporter.Shutdown(ctx) //nolint:wrapcheck // nobody but the SDK sees it
}

// stop gives up what is being sent, and waits for that.
func (s *sender) stop() {
	s.cancel()
	<-s.over
}
