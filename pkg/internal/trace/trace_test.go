package trace

import (
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/otlp"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
	sampled = "00-" + traceID + "-" + spanID + "-01"
)

// start returns a Tracer that trusts clients, and flush which ends it, so that the collector has all spans.
func start(t *testing.T, variables ...string) (tracer *Tracer, c *otlp.Collector, flush func()) {
	t.Helper()
	return startFor(t, true, variables...)
}

func startFor(t *testing.T, trusted bool, variables ...string) (tracer *Tracer, c *otlp.Collector, flush func()) {
	t.Helper()
	c = otlp.Start(t)
	tracer, err := New(append(variables, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL), Program{"1.2", "replica", slog.New(slog.DiscardHandler), trusted})
	if err != nil {
		t.Fatal(err)
	}
	flush = func() { tracer.Close(t.Context()) }
	t.Cleanup(func() {
		select {
		case <-tracer.sender.over:
		default:
			flush()
		}
	})
	return tracer, c, flush
}

func request(t *testing.T, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/socket/in?topic=t&token=hunter2", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func headers(pairs ...string) []proxy.Header {
	var list []proxy.Header
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, proxy.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return list
}

func wantAttributes(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
}

func TestHandshake(t *testing.T) {
	tracer, c, flush := start(t)
	opened := tracer.Handshake(request(t, "Traceparent", sampled, "Authorization", "Bearer hunter2"), "/socket/out")
	opened.Asks("topic", "client", "group")
	opened.End(http.StatusSwitchingProtocols, nil)
	refused := tracer.Handshake(request(t), "/socket/in")
	refused.End(http.StatusUnauthorized, proxy.Errorf(proxy.KindNotAuthenticated, "hunter2"))
	failed := tracer.Handshake(request(t, "Traceparent", "nonsense"), "/socket/in")
	failed.Asks("topic", "client", "")
	failed.End(http.StatusServiceUnavailable, proxy.Errorf(proxy.KindKafkaUnavailable, "hunter2"))
	flush()

	spans := c.Spans("")
	if len(spans) != 3 {
		t.Fatalf("got %d spans", len(spans))
	}
	common := map[string]string{
		"http.request.method": "GET", "http.route": "/socket/in", "url.scheme": "http", "client.address": "192.0.2.1", "messaging.system": "kafka",
	}
	with := func(pairs ...string) map[string]string {
		m := maps.Clone(common)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	if s := spans[0]; s.Name != "handshake /socket/out" || s.TraceID != traceID || s.ParentID != spanID || s.Kind.String() != "SPAN_KIND_SERVER" || s.Status != "" {
		t.Errorf("opened: %+v", s)
	}
	wantAttributes(t, spans[0].Attributes, with("http.route", "/socket/out", "http.response.status_code", "101",
		"messaging.destination.name", "topic", "messaging.client.id", "client", "messaging.consumer.group.name", "group"))
	if s := spans[1]; s.TraceID == traceID || s.ParentID != "" || s.Status != "" {
		t.Errorf("refused: %+v", s)
	}
	wantAttributes(t, spans[1].Attributes, with("http.response.status_code", "401", "error.type", "NOT_AUTHENTICATED"))
	if s := spans[2]; s.ParentID != "" || s.Status != "KAFKA_UNAVAILABLE" {
		t.Errorf("failed: %+v", s)
	}
	wantAttributes(t, spans[2].Attributes, with("http.response.status_code", "503", "error.type", "KAFKA_UNAVAILABLE",
		"messaging.destination.name", "topic", "messaging.client.id", "client"))
	if c.Holds("hunter2") {
		t.Error("a secret is in the spans")
	}
}

func TestMessageHeaders(t *testing.T) {
	for name, test := range map[string]struct {
		variable        string
		before, kept    []proxy.Header
		trace, parent   string // of the span, empty for new ones
		flags, state    string // in the record's header
		propagates, out bool   // whether headers are set, whether the span is sent
	}{
		"none":               {propagates: true, out: true, flags: "01"},
		"others stay":        {before: headers("b", "1", "a", "", "b", "2"), kept: headers("b", "1", "a", "", "b", "2"), propagates: true, out: true, flags: "01"},
		"parent":             {before: headers("a", "1", "traceparent", sampled, "b", "2"), kept: headers("a", "1", "b", "2"), propagates: true, out: true, trace: traceID, parent: spanID, flags: "01"},
		"parent with state":  {before: headers("tracestate", "k=v,l=w", "traceparent", sampled), propagates: true, out: true, trace: traceID, parent: spanID, flags: "01", state: "k=v,l=w"},
		"the last parent":    {before: headers("traceparent", "x", "traceparent", sampled), propagates: true, out: true, trace: traceID, parent: spanID, flags: "01"},
		"unsampled":          {before: headers("traceparent", strings.TrimSuffix(sampled, "1")+"0"), propagates: true, trace: traceID, flags: "00"},
		"invalid":            {before: headers("traceparent", "00-0-0-01", "tracestate", "k=v"), propagates: true, out: true, flags: "01"},
		"null":               {before: []proxy.Header{{Key: "traceparent"}, {Key: "n"}}, kept: []proxy.Header{{Key: "n"}}, propagates: true, out: true, flags: "01"},
		"baggage stays":      {before: headers("baggage", "k=v"), kept: headers("baggage", "k=v"), propagates: true, out: true, flags: "01"},
		"never sampled":      {variable: "OTEL_TRACES_SAMPLER=always_off", before: headers("traceparent", sampled), propagates: true, trace: traceID, flags: "00"},
		"sampled in any way": {variable: "OTEL_TRACES_SAMPLER=always_on", before: headers("traceparent", sampled[:len(sampled)-1]+"0"), propagates: true, out: true, trace: traceID, parent: spanID, flags: "01"},
		"no propagator":      {variable: "OTEL_PROPAGATORS=none", before: headers("traceparent", sampled), kept: headers("traceparent", sampled), out: true},
		"foreign propagator": {variable: "OTEL_PROPAGATORS=b3, baggage", before: headers("b3", "0"), kept: headers("b3", "0"), out: true},
		"among propagators":  {variable: "OTEL_PROPAGATORS=baggage, tracecontext", propagates: true, out: true, flags: "01"},
	} {
		t.Run(name, func(t *testing.T) {
			tracer, c, flush := start(t, test.variable)
			handshake := tracer.Handshake(request(t), "/socket/in")
			r := proxy.Record{Headers: test.before, Key: []byte("hunter2"), Value: []byte("hunter2")}
			handshake.Messages("topic", "client").Begin(&r, time.Now()).End(proxy.Ack{}, nil)
			flush()

			spans := c.Spans("send topic")
			if (len(spans) == 1) != test.out || len(spans) > 1 {
				t.Fatalf("got %d spans", len(spans))
			}
			kept := r.Headers[:min(len(test.kept), len(r.Headers))]
			if len(kept) != len(test.kept) || len(kept) > 0 && !reflect.DeepEqual(kept, test.kept) {
				t.Errorf("kept %q, want %q", kept, test.kept)
			}
			added := make(map[string]string)
			for _, h := range r.Headers[len(kept):] {
				added[h.Key] = string(h.Value)
			}
			id := strings.Split(added["traceparent"], "-")
			switch {
			case !test.propagates:
				if len(added) > 0 {
					t.Errorf("headers %v were added", added)
				}
			case len(id) != 4 || id[0] != "00" || id[2] == spanID || id[3] != test.flags || added["tracestate"] != test.state:
				t.Errorf("headers %v were added", added)
			case test.trace != "" && id[1] != test.trace, test.trace == "" && id[1] == traceID:
				t.Errorf("the record is in trace %s, want %q", id[1], test.trace)
			case test.out && (spans[0].TraceID != id[1] || spans[0].ID != id[2] || spans[0].ParentID != test.parent || spans[0].LinkID == ""):
				t.Errorf("got %+v, want the span of %v with the parent %q", spans[0], id, test.parent)
			}
			if c.Holds("hunter2") {
				t.Error("the message is in the spans")
			}
		})
	}
}

// TestUntrustedClientsDoNotContinueTraces sends trace context, which asks for sampling, to a proxy that samples
// nothing by itself, and to one that samples everything.
func TestUntrustedClientsDoNotContinueTraces(t *testing.T) {
	for sampler, want := range map[string]int{"parentbased_always_off": 0, "parentbased_always_on": 2} {
		t.Run(sampler, func(t *testing.T) {
			tracer, c, flush := startFor(t, false, "OTEL_TRACES_SAMPLER="+sampler)
			handshake := tracer.Handshake(request(t, "Traceparent", sampled), "/socket/in")
			r := proxy.Record{Headers: headers("traceparent", sampled, "tracestate", "k=v")}
			handshake.Messages("topic", "client").Begin(&r, time.Now()).End(proxy.Ack{}, nil)
			handshake.End(http.StatusSwitchingProtocols, nil)
			flush()
			spans := c.Spans("")
			if len(spans) != want {
				t.Fatalf("got %d spans", len(spans))
			}
			for _, s := range spans {
				if s.TraceID == traceID || s.ParentID != "" || !slices.Contains(s.LinkIDs, spanID) {
					t.Errorf("got %+v, want a trace of its own with a link to %s", s, spanID)
				}
			}
			for _, h := range r.Headers {
				if strings.Contains(string(h.Value), traceID) || h.Key == "tracestate" {
					t.Errorf("the record carries %s: %s", h.Key, h.Value)
				}
			}
		})
	}
}

// TestClientAddress checks the address with a port, and as a proxy forwards it, without one.
func TestClientAddress(t *testing.T) {
	tracer, c, flush := start(t)
	for _, remote := range []string{"192.0.2.1:4711", "192.0.2.1", "[2001:db8::1]:4711", "2001:db8::1"} {
		r := request(t)
		r.RemoteAddr = remote
		tracer.Handshake(r, "/socket/in").End(http.StatusSwitchingProtocols, nil)
	}
	flush()
	var got []string
	for _, s := range c.Spans("") {
		got = append(got, s.Attributes["client.address"])
	}
	if want := []string{"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMessageOutcomes(t *testing.T) {
	tracer, c, flush := start(t)
	handshake := tracer.Handshake(request(t), "/socket/in")
	messages := handshake.Messages("topic", "client")
	messages.Begin(&proxy.Record{Value: []byte("four")}, time.Now().Add(-time.Minute)).End(proxy.Ack{Partition: 3, Offset: 1 << 40}, nil)
	messages.Begin(&proxy.Record{}, time.Now()).End(proxy.Ack{}, proxy.Errorf(proxy.KindTimeout, "hunter2"))
	handshake.End(http.StatusSwitchingProtocols, nil)
	flush()

	spans := c.Spans("send topic")
	if len(spans) != 2 {
		t.Fatalf("got %d spans", len(spans))
	}
	opened := c.Spans("handshake /socket/in")[0]
	for _, s := range spans {
		if s.Kind.String() != "SPAN_KIND_PRODUCER" || s.LinkID != opened.ID || s.TraceID == opened.TraceID {
			t.Errorf("got %+v, want a trace with a link to %s", s, opened.ID)
		}
		if s.Resource["service.name"] != "wsproxy" || s.Resource["service.version"] != "1.2" || s.Resource["service.instance.id"] != "replica" {
			t.Errorf("the resource is %v", s.Resource)
		}
	}
	common := map[string]string{
		"messaging.system": "kafka", "messaging.operation.type": "send", "messaging.operation.name": "send",
		"messaging.destination.name": "topic", "messaging.client.id": "client",
	}
	written, lost := map[string]string{}, map[string]string{}
	for k, v := range common {
		written[k], lost[k] = v, v
	}
	written["messaging.message.body.size"], written["messaging.destination.partition.id"], written["messaging.kafka.offset"] = "4", "3", "1099511627776"
	lost["messaging.message.body.size"], lost["messaging.kafka.message.tombstone"], lost["error.type"] = "0", "true", "TIMEOUT"
	wantAttributes(t, spans[0].Attributes, written)
	wantAttributes(t, spans[1].Attributes, lost)
	if took := time.Duration(spans[0].Nanoseconds); took < time.Minute || spans[0].Status != "" || spans[1].Status != "TIMEOUT" {
		t.Errorf("took %v, statuses %q and %q", took, spans[0].Status, spans[1].Status)
	}
}

func TestTheEnvironmentNamesTheService(t *testing.T) {
	t.Setenv("OTEL_SERVICE_NAME", "orders")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test,service.instance.id=pod")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
	tracer, c, flush := start(t)
	tracer.Handshake(request(t), "/socket/in").End(http.StatusSwitchingProtocols, nil)
	flush()
	got := c.Spans("")[0].Resource
	if got["service.name"] != "orders" || got["service.instance.id"] != "pod" || got["deployment.environment.name"] != "test" || got["service.version"] != "1.2" {
		t.Errorf("got %v", got)
	}
	if key := c.Requests()[0].Header.Get("Api-Key"); key != "secret" {
		t.Errorf("the collector was sent the key %q", key)
	}
}

func TestOffCostsNothing(t *testing.T) {
	tracer, err := New([]string{"OTEL_SERVICE_NAME=x"}, Program{})
	if tracer != nil || err != nil {
		t.Fatal(tracer, err)
	}
	r := request(t, "Traceparent", sampled)
	var message *Message
	if got := testing.AllocsPerRun(100, func() {
		h := tracer.Handshake(r, "/socket/in")
		h.Asks("topic", "client", "")
		h.End(http.StatusSwitchingProtocols, nil)
		if h.Messages("topic", "client") != nil {
			t.Error("messages have spans")
		}
		message.End(proxy.Ack{}, nil)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	tracer.Close(t.Context())
}
