package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/otlp"
)

const (
	callersTrace   = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan    = "00f067aa0ba902b7"
	messagesTrace  = "0af7651916cd43dd8448eb211c80319c"
	messagesSpan   = "b7ad6b7169203331"
	sampledFlag    = "-01"
	notSampledFlag = "-00"
)

func traceparent(trace, span, flag string) string { return "00-" + trace + "-" + span + flag }

// withParent is a message in the trace of a producer.
func withParent(flag string) string {
	return `{"headers":[{"key":"a","value":"1"},{"key":"traceparent","value":"` + traceparent(messagesTrace, messagesSpan, flag) +
		`"},{"key":"tracestate","value":"k=v"}],"value":{"value":"hunter2"}}`
}

func recordHeader(r *kgo.Record, key string) string {
	i := slices.IndexFunc(r.Headers, func(h kgo.RecordHeader) bool { return h.Key == key })
	if i < 0 {
		return ""
	}
	return string(r.Headers[i].Value)
}

// produced checks the record of a span, and returns the span.
func produced(t *testing.T, c *otlp.Collector, r *kgo.Record) otlp.Span {
	t.Helper()
	spans := slices.DeleteFunc(c.Spans("send "+r.Topic), func(s otlp.Span) bool {
		return recordHeader(r, "traceparent") != traceparent(s.TraceID, s.ID, sampledFlag)
	})
	if len(spans) != 1 {
		t.Fatalf("%d spans are that of the record with %v", len(spans), r.Headers)
	}
	if at := spans[0].Attributes["messaging.kafka.offset"]; at != fmt.Sprint(r.Offset) {
		t.Errorf("the span of offset %d says %q", r.Offset, at)
	}
	return spans[0]
}

func TestTracesGoFromClientsToKafkaAndBack(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		collector, topic := otlp.Start(t), k.topic(t, 1)
		p := k.start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "PRODUCER_EXACTLY_ONCE_ENABLED=true", "TRACE_CONTEXT_TRUSTED=true")
		transactional := p.inTransactions(t, topic, "i")
		transactional.send(withParent(sampledFlag))
		transactional.ack()
		transactional.close()
		c := p.dialWith(t, http.Header{"Traceparent": {traceparent(callersTrace, callersSpan, sampledFlag)}}, target("/socket/in", topic, nil))
		c.send(withParent(sampledFlag), `{"value":{"value":"hunter2"}}`, withParent(notSampledFlag))
		for range 3 {
			c.ack()
		}
		c.close()
		a := p.avroIn(t, topic)
		a.produce(avroMessage{Value: "hunter2", Headers: &[]avroHeader{{"traceparent", traceparent(messagesTrace, messagesSpan, sampledFlag)}}})
		a.result()
		a.close()
		out := p.out(t, topic)
		deliveries := out.deliveries(5)
		out.close()
		p.upgrade(t, target("/socket/in", topic, []string{"token=hunter2"}))
		p.app.Shutdown() // sends the spans

		opened := collector.Spans("handshake /socket/in")
		if len(opened) != 4 || len(collector.Spans("handshake /socket/out")) != 1 || collector.Holds("hunter2") {
			t.Fatalf("got %+v", collector.Spans(""))
		}
		wantHandshakes(t, topic, opened)
		records := k.records(t, topic)
		for i, want := range []struct{ trace, parent, link string }{
			{messagesTrace, messagesSpan, opened[0].ID},
			{messagesTrace, messagesSpan, opened[1].ID},
			{"", "", opened[1].ID},
			{},
			{messagesTrace, messagesSpan, opened[2].ID},
		} {
			if want.link == "" {
				continue
			}
			s := produced(t, collector, records[i])
			if s.ParentID != want.parent || s.LinkID != want.link || want.trace != "" && s.TraceID != want.trace ||
				want.trace == "" && (s.TraceID == messagesTrace || s.TraceID == callersTrace) {
				t.Errorf("record %d: got %+v, want %+v", i, s, want)
			}
		}
		unsampled := recordHeader(records[3], "traceparent")
		if !strings.HasPrefix(unsampled, "00-"+messagesTrace) || !strings.HasSuffix(unsampled, notSampledFlag) || len(collector.Spans("send "+topic)) != 4 {
			t.Errorf("the message that is not sampled has the traceparent %q, and %d spans are sent", unsampled, len(collector.Spans("send "+topic)))
		}
		for i, d := range deliveries {
			if got, want := deliveredHeader(t, d, "traceparent"), recordHeader(records[i], "traceparent"); got != want || got == "" {
				t.Errorf("the consumer has the traceparent %q of record %d, want %q", got, i, want)
			}
		}
		if got := deliveredHeader(t, deliveries[1], "tracestate") + deliveredHeader(t, deliveries[1], "a"); got != "k=v1" {
			t.Errorf("the consumer has %+v", deliveries[1].Headers)
		}
	})
}

// wantHandshakes checks the second of four, which has a caller, and the last, which is refused.
func wantHandshakes(t *testing.T, topic string, spans []otlp.Span) {
	t.Helper()
	if s := spans[1]; s.TraceID != callersTrace || s.ParentID != callersSpan || s.Status != "" ||
		s.Attributes["messaging.destination.name"] != topic || s.Attributes["http.response.status_code"] != "101" {
		t.Errorf("got %+v", s)
	}
	if s := spans[3]; s.ParentID != "" || s.Attributes["error.type"] != "INVALID_PARAMETER" || s.Attributes["http.response.status_code"] != "400" {
		t.Errorf("refused: %+v", s)
	}
}

// deliveredHeader returns the one header of a name.
func deliveredHeader(t *testing.T, d delivery, key string) string {
	t.Helper()
	var values []string
	for _, h := range d.Headers {
		if h.Key == key {
			values = append(values, textOf(t, h.Value))
		}
	}
	if len(values) != 1 {
		t.Fatalf("the consumer has %d headers %s", len(values), key)
	}
	return values[0]
}

// TestWithoutTracesHeadersAreUntouched uses the proxy with default settings.
func TestWithoutTracesHeadersAreUntouched(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).dialWith(t, http.Header{"Traceparent": {traceparent(callersTrace, callersSpan, sampledFlag)}}, target("/socket/in", topic, nil))
		c.send(withParent(sampledFlag), `{"value":{"value":"v"}}`)
		c.ack()
		c.ack()
		records := k.records(t, topic)
		if got := recordHeader(records[0], "traceparent"); got != traceparent(messagesTrace, messagesSpan, sampledFlag) || len(records[0].Headers) != 3 {
			t.Errorf("the record has %v", records[0].Headers)
		}
		if len(records[1].Headers) != 0 {
			t.Errorf("a record without headers has %v", records[1].Headers)
		}
	})
}

func TestTracesTurnedOffAreNotSent(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		for name, off := range map[string]string{"disabled": "OTEL_SDK_DISABLED=true", "no exporter": "OTEL_TRACES_EXPORTER=none"} {
			t.Run(name, func(t *testing.T) {
				collector, topic := otlp.Start(t), k.topic(t, 1)
				p := k.start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, off)
				c := p.in(t, topic)
				c.send(`{"value":{"value":"v"}}`)
				c.ack()
				c.close()
				p.app.Shutdown()
				if got := len(collector.Requests()); got > 0 {
					t.Errorf("the collector was sent %d requests", got)
				}
				if got := k.records(t, topic)[0].Headers; len(got) > 0 {
					t.Errorf("the record has %v", got)
				}
			})
		}
	})
}

// TestACollectorThatIsDownHoldsNobodyUp shuts the proxy down while the collector is unreachable.
func TestACollectorThatIsDownHoldsNobodyUp(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1")
		c := p.in(t, topic)
		for i := range 100 {
			c.send(numberedMessage(i))
		}
		for range 100 {
			c.ack()
		}
		c.close()
		p.app.Shutdown()
	})
}
