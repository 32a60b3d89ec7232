package trace

import (
	"context"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Messages makes the spans of the messages of one connection.
type Messages struct {
	tracer  *Tracer
	name    string // of each span
	options []trace.SpanStartOption
}

// Messages returns a Messages for the messages that a connection writes to a topic, or nil without
// traces.
func (h *Handshake) Messages(topic string, client proxy.ClientID) *Messages {
	if h == nil {
		return nil
	}
	const operation = "send"
	return &Messages{
		tracer: h.tracer, name: operation + " " + topic,
		options: []trace.SpanStartOption{
			trace.WithSpanKind(trace.SpanKindProducer),
			trace.WithLinks(trace.Link{SpanContext: h.span.SpanContext()}),
			trace.WithAttributes(
				semconv.MessagingSystemKafka, semconv.MessagingOperationTypeSend, semconv.MessagingOperationName(operation),
				semconv.MessagingDestinationName(topic), semconv.MessagingClientID(string(client)),
			),
		},
	}
}

// Message is the span of one message. A nil one does nothing.
type Message struct{ span trace.Span }

// Begin begins the span of a message that was read at a time, and replaces the trace context in the
// record's headers by that of the span. End must be called.
func (m *Messages) Begin(r *proxy.Record, at time.Time) *Message {
	ctx, sender := m.tracer.from(context.Background(), (*carrier)(r))
	options := append(slices.Clip(m.options), trace.WithTimestamp(at))
	ctx, span := m.tracer.tracer.Start(ctx, m.name, append(options, sender...)...)
	if span.IsRecording() {
		span.SetAttributes(semconv.MessagingMessageBodySize(len(r.Value)))
		if r.Value == nil {
			span.SetAttributes(semconv.MessagingKafkaMessageTombstone(true))
		}
	}
	m.tracer.inject(ctx, r)
	return &Message{span}
}

// End ends the span with the result of the message: where it was written, or why it was not.
func (m *Message) End(ack proxy.Ack, err *proxy.Error) {
	if m != nil {
		m.end(ack, err)
	}
}

func (m *Message) end(ack proxy.Ack, err *proxy.Error) {
	switch {
	case !m.span.IsRecording():
	case err != nil:
		m.span.SetAttributes(errorType(err))
		m.span.SetStatus(codes.Error, err.Kind.String())
	default:
		m.span.SetAttributes(
			semconv.MessagingDestinationPartitionID(strconv.Itoa(int(ack.Partition))), semconv.MessagingKafkaOffset(int(ack.Offset)),
		)
	}
	m.span.End()
}
