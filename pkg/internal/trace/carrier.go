package trace

import (
	"context"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// carrier stores trace context in a record's headers. It implements propagation.TextMapCarrier.
type carrier proxy.Record

// Get returns the last value of a header: the latest sender added it.
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

// inject replaces the record's trace context by that of ctx.
func (t *Tracer) inject(ctx context.Context, r *proxy.Record) {
	fields := t.propagator.Fields()
	r.Headers = slices.DeleteFunc(r.Headers, func(h proxy.Header) bool { return slices.Contains(fields, h.Key) })
	t.propagator.Inject(ctx, (*carrier)(r))
}
