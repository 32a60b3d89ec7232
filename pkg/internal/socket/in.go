package socket

import (
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxSpans is how many messages of a frame have spans: the others of half a million would be
// lost on their way to the collector, and take much memory until then.
const maxSpans = limit.MaxMessages

// Producer writes records to the topic of one connection.
type Producer interface {
	// Check refuses a record that does not fit the topic's settings: Kafka would refuse the
	// other records of its batch, too.
	Check(r *proxy.Record) *proxy.Error
	// Produce hands a record to Kafka's client, in order, that came at a time. done is called exactly once,
	// maybe before Produce returns. The record's bytes must not change until then; the struct may.
	Produce(r *proxy.Record, came time.Time, done proxy.Completion)
}

// InOptions is what a /socket/in connection is served with.
type InOptions struct {
	Topic           string
	Codec           codec.In
	Producer        Producer
	Rate            *limit.Rate
	MaxInFlight     int             // messages
	DeliveryTimeout time.Duration   // from a message's arrival to TIMEOUT
	Spans           *trace.Messages // nil without traces
}

// in is the flow of one /socket/in connection.
type in struct {
	conn      *Conn
	options   InOptions
	window    *limit.Window
	answers   *answers
	throttled *metrics.Counter
	messages  []codec.Message // the reader's, reused
	staged    []staged        // the reader's
	readAt    time.Time       // when the frame was read, where there are traces
}

// ServeIn reads messages, produces them and answers each, until the connection is over.
func ServeIn(c *Conn, o InOptions) {
	f := newIn(c, o)
	go c.writeLoop(f.answers)
	defer f.answers.abandon()
	defer c.finish()
	defer c.endAtPanic()
	f.readLoop(f.take)
}

func newIn(c *Conn, o InOptions) *in {
	window := limit.NewWindow(o.MaxInFlight, limit.MaxBytes)
	f := &in{
		conn: c, options: o, window: window, throttled: c.metrics.Throttled(metrics.In),
		answers: &answers{
			codec: o.Codec, window: window, memory: c.settings.Budget.Account(budget.Producing), timeout: o.DeliveryTimeout,
			metrics: c.metrics, topic: c.metrics.Produced(o.Topic), total: &c.records, wake: c.Wake, extension: c.extension,
			most: o.MaxInFlight, backlog: newBacklog(o.MaxInFlight, o.DeliveryTimeout), room: make(chan struct{}, 1),
		},
	}
	c.intake, c.onWait = f.answers, f.beforeWait
	return f
}

func (f *in) readLoop(take func(text bool, frame []byte) error) {
	defer f.handOver()
	for {
		text, frame, err := f.conn.Read()
		if err != nil {
			return
		}
		if f.conn.isEnding.Load() {
			continue // messages are not produced anymore; the peer's close frame is awaited
		}
		if taken, err := f.takeRenewal(text, frame); err != nil {
			return
		} else if taken {
			continue
		}
		if take(text, frame) != nil {
			return
		}
	}
}

// take produces the messages of a frame. An error means that the connection is over.
func (f *in) take(text bool, frame []byte) error {
	messages, batch := f.decode(text, frame)
	defer f.forget(messages)
	slot, waited, err := f.admit(messages, batch, f.measure(frame, messages))
	if slot == nil || err != nil {
		return err
	}
	f.trace(slot, messages)
	late := waited && f.answers.isLate(slot)
	for i := range messages {
		switch {
		case messages[i].Err != nil:
		case late: // its client was told TIMEOUT already
			slot.entries[i].Done(proxy.Ack{}, nil)
		default:
			f.stage(&messages[i].Record, &slot.entries[i])
		}
	}
	if waited { // else the slot may be that of another frame by now
		f.answers.settle(slot)
	}
	return nil
}

// admit waits until the messages of a frame are within the rate limit, the in-flight window and
// the memory budget, so that TCP pushes back on the client. Their slot in the queue of answers, and
// the time until TIMEOUT, begin before the wait for the window. waited tells whether there was no room at
// once: the reader holds the slot then. A nil slot means that nothing will be answered anymore.
func (f *in) admit(messages []codec.Message, batch *codec.Batch, bytes int64) (s *slot, waited bool, err error) {
	if f.options.Rate.PerSecond() > 0 {
		f.handOver()
	}
	if err := throttleAll(f.conn, f.options.Rate, f.throttled, len(messages)+batch.FaultCount()); err != nil {
		return nil, false, err
	}
	of := shareOf(messages, batch, bytes)
	acquired := f.answers.tryAcquire(of)
	s = f.answers.push(messages, batch, of, f.conn.clock.now(), acquired)
	switch {
	case s == nil && acquired:
		f.answers.giveBack(freed{of.messages, of.bytes, of.inKafka + of.inQueue})
	case s != nil && !acquired:
		f.handOver()
		err = f.answers.acquire(f.conn.done, s)
		f.conn.clock.reset()
	}
	return s, !acquired, err
}

// measure returns how many bytes the decoded messages of a frame hold.
func (f *in) measure(frame []byte, messages []codec.Message) int64 {
	headers := headerCost * int64(headerCount(messages))
	f.conn.chargeDecoded(headers)
	return int64(len(frame)) + headers
}

func (f *in) decode(text bool, frame []byte) (messages []codec.Message, batch *codec.Batch) {
	if f.options.Spans != nil {
		f.readAt = time.Now()
	}
	if err := checkMessageType(text, f.options.Codec.Binary()); err != nil {
		return append(f.messages[:0], codec.Message{Err: err}), nil
	}
	return f.options.Codec.Decode(frame, f.messages[:0])
}

// trace begins the spans of a frame's messages; their records carry the context to Kafka.
func (f *in) trace(s *slot, messages []codec.Message) {
	if f.options.Spans == nil || !slices.ContainsFunc(messages, func(m codec.Message) bool { return m.Err == nil }) {
		return // without a record the slot may be that of another frame by now
	}
	spans := make([]*trace.Message, min(len(messages), maxSpans))
	for i := range spans {
		if messages[i].Err == nil {
			spans[i] = f.options.Spans.Begin(&messages[i].Record, f.readAt)
		}
	}
	f.answers.trace(s, spans)
}

// produce hands a record to Kafka, unless the topic's settings refuse it.
func (f *in) produce(r *proxy.Record, came time.Time, e *entry) {
	if err := f.options.Producer.Check(r); err != nil {
		e.Done(proxy.Ack{}, err)
		return
	}
	f.options.Producer.Produce(r, came, e)
}

// forget clears the list of messages, and keeps it for the next frame.
func (f *in) forget(messages []codec.Message) {
	clear(messages)
	f.messages = messages
	if cap(messages) > slotsPerFill {
		f.messages = nil
	}
}
