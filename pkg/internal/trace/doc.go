// Package trace makes the spans of handshakes and of messages that clients send, and carries
// their W3C trace context (https://www.w3.org/TR/trace-context/) from HTTP headers, and from the
// headers of messages, to those of Kafka records. It hides OpenTelemetry: nothing else imports it.
//
// Without a Tracer, which is the default, the package does nothing: all methods may be called on nil.
//
// # Spans
//
//   - A handshake ends when it is answered.
//   - A message that can be decoded begins a trace of its own, with a link to the handshake: one trace
//     for a whole connection would last for weeks.
//   - Both have a link to the span that their own header traceparent names. If Program.Trusted is set,
//     they are children of it instead.
//   - Of what clients send, spans hold only checked names: no token, query, key or value.
//
// Spans that cannot be sent to the collector are lost. Nothing waits for the collector, except a
// shutdown, for at most flushTimeout.
package trace
