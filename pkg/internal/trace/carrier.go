package trace

import (
	"context"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// carrier has a record's headers carry trace context. It implements propagation.TextMapCarrier.
type carrier proxy.Record

// Get returns the last value of a header: what was added later is nearer.
func (c *carrier) Get(key string) string {
	for _, h := range slices.Backward(c.Headers) {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// Set adds a header.
func (c *carrier) Set(key, value string) {
	c.Headers = append(c.Headers, proxy.Header{Key: key, Value: []byte(value)})
}

// Keys returns the name of each header.
func (c *carrier) Keys() []string {
	keys := make([]string, len(c.Headers))
	for i, h := range c.Headers {
		keys[i] = h.Key
	}
	return keys
}

// inject puts the trace context of ctx in the place of the record's own.
func (t *Tracer) inject(ctx context.Context, r *proxy.Record) {
	fields := t.propagator.Fields()
	r.Headers = slices.DeleteFunc(r.Headers, func(h proxy.Header) bool { return slices.Contains(fields, h.Key) })
	t.propagator.Inject(ctx, (*carrier)(r))
}
