package socket

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/otlp"
)

// traced is the flow of a connection without the connection, which takes frames as the reader does.
type traced struct {
	in
	late bool // TIMEOUT is answered before the window has room
}

func newTraced(p *producer, spans *trace.Messages) *traced {
	window := limit.NewWindow(10_000, limit.MaxBytes)
	f := &traced{in: in{conn: new(Conn), options: inOptions(p), window: window, answers: newAnswers(window)}}
	f.options.Spans = spans
	return f
}

func (f *traced) frame(t *testing.T, frame []byte) {
	t.Helper()
	messages, batch := f.decode(true, frame)
	defer f.forget(messages)
	slot := f.answers.hold(messages, batch)
	if err := f.answers.acquire(nil, slot); err != nil {
		t.Fatal(err)
	}
	if f.late {
		f.expire()
	}
	f.trace(slot, messages)
	late := f.answers.isLate(slot)
	for i := range messages {
		switch {
		case messages[i].Err != nil:
		case late:
			slot.entries[i].Done(proxy.Ack{}, nil)
		default:
			f.stage(&messages[i].Record, &slot.entries[i])
		}
	}
	f.handOver()
	f.answers.settle(slot)
}

func (f *traced) expire() {
	f.answers.mu.Lock()
	defer f.answers.mu.Unlock()
	f.answers.expire(time.Now().Add(time.Hour))
}

// TestSpansEndWithTheAnswer checks each way in which a message is answered.
func TestSpansEndWithTheAnswer(t *testing.T) {
	const one = `{"value":{"value":"v"}}`
	for name, test := range map[string]struct {
		frame string
		late  bool
		then  func(f *traced, p *producer)
		want  []string // the statuses of the spans that have ended
	}{
		"acknowledged":        {frame: one, then: func(_ *traced, p *producer) { p.ack(0) }, want: []string{""}},
		"not answered":        {frame: one},
		"refused":             {frame: `{"value":{"value":"refused"}}`, want: []string{"MESSAGE_TOO_LARGE"}},
		"failed":              {frame: one, then: func(_ *traced, p *producer) { p.waiting[0].Done(proxy.Ack{}, context.Canceled) }, want: []string{"INTERNAL"}},
		"not decoded":         {frame: `{"value":1}`},
		"timed out":           {frame: one, then: func(f *traced, _ *producer) { f.expire() }, want: []string{"TIMEOUT"}},
		"timed out, then had": {frame: one, then: func(f *traced, p *producer) { f.expire(); p.ack(0) }, want: []string{"TIMEOUT"}},
		"late":                {frame: one, late: true, want: []string{"TIMEOUT"}},
		"aborted": {frame: one, then: func(f *traced, p *producer) {
			e, ok := p.waiting[0].(*entry)
			if !ok {
				t.Fatal("not an entry")
			}
			f.answers.refuse([]*entry{e}, []proxy.Outcome{{Err: proxy.Errorf(proxy.KindTransactionAborted, "aborted")}})
			p.ack(0)
		}, want: []string{"TRANSACTION_ABORTED"}},
		"batch": {frame: `[` + one + `,7,{"value":{"value":"refused"}},{"messageId":"m","value":1},` + one + `]`, then: func(_ *traced, p *producer) {
			p.ack(1)
			p.ack(0)
		}, want: []string{"MESSAGE_TOO_LARGE", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			spans, ended := startTraces(t)
			p := &producer{}
			f := newTraced(p, spans)
			f.late = test.late
			f.frame(t, []byte(test.frame))
			if test.then != nil {
				test.then(f, p)
			}
			if got := ended(); !slices.Equal(got, test.want) {
				t.Errorf("the spans ended with %q, want %q", got, test.want)
			}
		})
	}
}

// startTraces returns what makes spans, and what waits for those that have ended and returns their
// statuses.
func startTraces(t *testing.T, variables ...string) (spans *trace.Messages, ended func() []string) {
	t.Helper()
	collector := otlp.Start(t)
	tracer, err := trace.New(append(variables, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL), trace.Program{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	handshake := tracer.Handshake(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), "/socket/in")
	return handshake.Messages("t", "c"), func() []string {
		tracer.Close(t.Context())
		var statuses []string
		for _, s := range collector.Spans("send t") {
			statuses = append(statuses, s.Status)
		}
		return statuses
	}
}

// TestALongBatchHasBoundedSpans counts the records that carry a span, recorded or not.
func TestALongBatchHasBoundedSpans(t *testing.T) {
	spans, ended := startTraces(t, "OTEL_TRACES_SAMPLER=always_off")
	carried := 0
	p := &producer{each: func(_ int, _ string, done proxy.Completion) { done.Done(proxy.Ack{}, nil) }}
	f := newTraced(p, spans)
	f.options.Producer = counting{p, &carried}
	frame := []byte("[")
	for range maxSpans + 100 {
		frame = append(frame, `{"value":null},`...)
	}
	frame[len(frame)-1] = ']'
	f.frame(t, frame)
	if got := len(p.got()); got != maxSpans+100 || carried != maxSpans {
		t.Errorf("%d of %d records carry a span, want %d", carried, got, maxSpans)
	}
	ended()
}

// counting counts the records with a header.
type counting struct {
	*producer
	headers *int
}

func (c counting) Produce(r *proxy.Record, came time.Time, done proxy.Completion) {
	*c.headers += len(r.Headers)
	c.producer.Produce(r, came, done)
}

// TestWithoutTracesNothingIsAllocated counts a message from its frame to its answer: the copies of many short
// values share one allocation.
func TestWithoutTracesNothingIsAllocated(t *testing.T) {
	f := newTraced(nil, nil)
	f.options.Producer = acknowledging{}
	frame, buf := []byte(`{"value":{"value":"v"}}`), make([]byte, 0, 4096)
	if got := testing.AllocsPerRun(1000, func() {
		f.frame(t, frame)
		f.answers.fill(buf)
		f.answers.wrote()
	}); got != 0 {
		t.Errorf("%v allocations, want none", got)
	}
}

// acknowledging is a Producer that acknowledges at once.
type acknowledging struct{}

func (acknowledging) Check(*proxy.Record) *proxy.Error { return nil }
func (acknowledging) Produce(_ *proxy.Record, _ time.Time, done proxy.Completion) {
	done.Done(proxy.Ack{}, nil)
}
