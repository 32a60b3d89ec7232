// Package trace makes the spans of handshakes and of messages that clients send, and carries
// their W3C trace context (https://www.w3.org/TR/trace-context/) from HTTP headers, and from the
// headers of messages, to those of Kafka records. It hides OpenTelemetry: nothing else imports it.
//
// Without a Tracer, which is the default, nothing of it happens: all methods may be called on nil.
//
// # Spans
//
//   - A handshake ends when it is answered.
//   - A message that can be decoded begins a trace: a connection stays open for weeks, and so would
//     its trace. It has a link to the handshake.
//   - Both have a link to what their own header traceparent names, or where Program.Trusted is set,
//     are a child of it.
//   - Nothing of what clients send but checked names is in them: no token, query, key or value.
//
// What cannot be sent to the collector is lost. Nothing waits for it, except for a shutdown, for
// at most flushTimeout.
package trace
