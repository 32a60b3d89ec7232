package trace

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// serviceName is what collectors show, unless OTEL_SERVICE_NAME says otherwise.
	serviceName = "wsproxy"
	// scope is the instrumentation scope of the spans.
	scope = "github.com/wsproxy/kafka-websocket-proxy"
	// flushTimeout bounds the time for sending the last spans at a shutdown.
	flushTimeout = 2 * time.Second
)

// Program describes the program that makes the spans.
type Program struct {
	Version string
	Server  string // the replica
	Log     *slog.Logger
	// Trusted makes the spans of clients continue the traces that the clients name. Otherwise spans begin
	// new traces, with a link to the named ones, so that clients can neither decide what is sampled nor
	// write into any trace.
	Trusted bool
}

// Tracer makes spans. A nil one makes none.
type Tracer struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	provider   *sdk.TracerProvider
	sender     *sender
	trusted    bool
}

// New returns a Tracer that sends spans to the collector that the OTEL_ variables of environ name,
// or nil where they ask for none. The error lists, in lines that begin with a variable's name, what
// is wrong with them. Close ends it.
func New(environ []string, p Program) (*Tracer, error) {
	s, err := read(environ)
	if s == nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(context.Background(), otlptracehttp.WithEndpointURL(s.endpoint))
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	t := newTracer(s, p, newSender(exporter, p.Log))
	p.Log.Info("traces are sent", "endpoint", s.endpoint)
	return t, nil
}

func newTracer(s *settings, p Program, to *sender) *Tracer {
	t := &Tracer{
		sender: to, trusted: p.Trusted,
		provider: sdk.NewTracerProvider(
			sdk.WithBatcher(to), sdk.WithSampler(s.sampler), sdk.WithResource(resourceOf(p)),
		),
		propagator: propagation.NewCompositeTextMapPropagator(),
	}
	t.tracer = t.provider.Tracer(scope, trace.WithInstrumentationVersion(p.Version))
	if s.propagates {
		t.propagator = propagation.TraceContext{}
	}
	return t
}

// resourceOf describes the program. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
func resourceOf(p Program) *resource.Resource {
	r, err := resource.New(context.Background(),
		resource.WithSchemaURL(semconv.SchemaURL),
		resource.WithAttributes(semconv.ServiceName(serviceName), semconv.ServiceVersion(p.Version), semconv.ServiceInstanceID(p.Server)),
		resource.WithTelemetrySDK(),
		resource.WithFromEnv(),
	)
	if err != nil {
		p.Log.Warn("OTEL_RESOURCE_ATTRIBUTES: a part is left out", "err", err)
	}
	return r
}

// Close sends the remaining spans, for at most flushTimeout.
func (t *Tracer) Close(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the error is that time is up; the log tells which spans are lost
	t.sender.stop()
}
