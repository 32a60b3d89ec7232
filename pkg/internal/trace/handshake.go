package trace

import (
	"context"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Handshake is the span of a handshake. A nil one does nothing.
type Handshake struct {
	tracer *Tracer
	span   trace.Span
}

// Handshake begins the span of a request for a WebSocket. End must be called.
func (t *Tracer) Handshake(r *http.Request, route string) *Handshake {
	if t == nil {
		return nil
	}
	ctx, caller := t.from(r.Context(), propagation.HeaderCarrier(r.Header))
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil { // the address comes from a proxy's header, without a port
		address = r.RemoteAddr
	}
	_, span := t.tracer.Start(ctx, "handshake "+route, append(caller, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.HTTPRequestMethodGet, semconv.HTTPRoute(route), semconv.URLScheme(scheme), semconv.ClientAddress(address),
		semconv.MessagingSystemKafka,
	))...)
	return &Handshake{tracer: t, span: span}
}

// from returns the context in which a span begins if a client sends trace context: that context if it is
// trusted, otherwise a new trace with a link to it.
func (t *Tracer) from(ctx context.Context, sent propagation.TextMapCarrier) (context.Context, []trace.SpanStartOption) {
	named := t.propagator.Extract(ctx, sent)
	if t.trusted {
		return named, nil
	}
	if caller := trace.SpanContextFromContext(named); caller.IsRemote() {
		return ctx, []trace.SpanStartOption{trace.WithLinks(trace.Link{SpanContext: caller})}
	}
	return ctx, nil
}

// Asks adds the names that the client asks for, which must have been checked.
func (h *Handshake) Asks(topic string, client proxy.ClientID, group proxy.GroupID) {
	if h == nil {
		return
	}
	h.span.SetAttributes(semconv.MessagingDestinationName(topic), semconv.MessagingClientID(string(client)))
	if group != "" {
		h.span.SetAttributes(semconv.MessagingConsumerGroupName(string(group)))
	}
}

// End ends the span with the HTTP status of the answer, and the error if the handshake was refused.
func (h *Handshake) End(status int, refused *proxy.Error) {
	if h == nil {
		return
	}
	h.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if refused != nil {
		class := refused.Kind.Class()
		h.span.SetAttributes(errorType(refused))
		if class.Status >= http.StatusInternalServerError { // else the fault is the client's
			h.span.SetStatus(codes.Error, class.Code)
		}
	}
	h.span.End()
}

// errorType returns the code of an error, and not its text, which may hold what the client sent.
func errorType(e *proxy.Error) attribute.KeyValue {
	return semconv.ErrorTypeKey.String(e.Kind.String())
}
