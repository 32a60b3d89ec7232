package client

import (
	"context"
	"net/url"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ProducerOptions say what a Producer writes to. Only Topic is required.
type ProducerOptions struct {
	Topic string
	// InstanceID names this producer among those with its client id, where the proxy wants producers to have sessions
	// (WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED). A further one with both names takes the place of the one before. By default none is sent.
	InstanceID string
	// MaxInFlight and MaxInFlightBytes are the most messages, and the most bytes of them, that are unanswered. The defaults are 2,000 and
	// 8 MiB: the proxy takes 4,096 and 16 MiB by default.
	MaxInFlight, MaxInFlightBytes int
}

const (
	defaultInFlight      = 2000
	defaultInFlightBytes = 8 << 20
)

// Producer writes messages to one topic over one connection at a time. It is safe for concurrent use. Close it.
type Producer struct {
	client *Client
	topic  string
	// instance is the instanceId, empty where none is sent.
	instance string
	window   window
	cancel   context.CancelCauseFunc
	done     chan struct{} // closed when run has ended
	wake     chan struct{} // tells the writer that there is something to send, or that the producer is to end

	mu        sync.Mutex // guards what follows
	backlog   backlog
	err       error // why nothing is sent anymore
	connected bool
	ending    bool // whether the connection is to end with a close frame
}

// Producer begins to connect. Faults of the options, and what the proxy refuses, come from the first message.
func (c *Client) Producer(o ProducerOptions) *Producer {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &Producer{
		client: c, topic: o.Topic, instance: o.InstanceID, cancel: cancel, done: make(chan struct{}), wake: make(chan struct{}, 1),
		window:  window{most: orDefault(o.MaxInFlight, defaultInFlight), mostBytes: orDefault(o.MaxInFlightBytes, defaultInFlightBytes)},
		backlog: backlog{mostBytes: mostBatchBytes, isAlone: c.options.Avro},
	}
	go p.run(ctx)
	return p
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Send writes a message, and waits until Kafka has it. Where the proxy refuses it, the error is an *Error, and messages sent beside it are not
// affected. After a connection has ended, what was unanswered is sent again: a record may be written twice, see Ack.Sends, and none is lost.
// Where ctx ends before the answer, the message may be written or not.
func (p *Producer) Send(ctx context.Context, m Message) (Ack, error) {
	type result struct {
		ack Ack
		err error
	}
	answered := make(chan result, 1)
	if err := p.Enqueue(ctx, m, func(ack Ack, err error) { answered <- result{ack, err} }); err != nil {
		return Ack{}, err
	}
	select {
	case r := <-answered:
		return r.ack, r.err
	case <-ctx.Done():
		return Ack{}, context.Cause(ctx)
	}
}

// Enqueue hands a message over, and has answered called with its answer: once, in the order of the messages, and from a goroutine that it
// must not hold up. It waits while there are as many unanswered messages as may be, so that a fast caller is slowed down. After an
// error answered is not called. The bytes of the message are not used afterwards.
func (p *Producer) Enqueue(ctx context.Context, m Message, answered func(Ack, error)) error {
	frame, err := m.append(nil, p.client.options.Avro)
	if err != nil {
		return err
	}
	if err := p.window.take(ctx, len(frame)); err != nil {
		return err
	}
	p.mu.Lock()
	err = p.err
	if err == nil {
		p.backlog.push(entry{frame: frame, answered: answered})
	}
	p.mu.Unlock()
	p.nudge()
	return err
}

func (p *Producer) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Flush waits until all messages that were handed over are answered. Its error is why the producer cannot go on; answers go to who sent
// the messages.
func (p *Producer) Flush(ctx context.Context) error { return p.window.awaitEmpty(ctx) }

// Close ends the producer. Messages that are unanswered then fail with ErrClosed, though they may be written: Flush before.
func (p *Producer) Close() {
	p.window.close(ErrClosed)
	p.mu.Lock()
	leave := p.connected && p.backlog.len() == 0
	p.ending = true
	p.mu.Unlock()
	if leave {
		p.nudge()
	} else {
		p.cancel(ErrClosed)
	}
	<-p.done
}

// run keeps the producer connected until it is closed, or cannot go on.
func (p *Producer) run(ctx context.Context) {
	defer close(p.done)
	defer p.cancel(nil)
	err := p.client.keep(ctx, endpoint{name: "in", query: p.query, use: p.use})
	if err == nil {
		err = ErrClosed
	}
	p.window.close(err)
	p.mu.Lock()
	left := p.backlog.all()
	p.backlog, p.err = backlog{}, err
	p.mu.Unlock()
	for _, e := range left {
		e.answered(Ack{Sends: e.sends}, err)
	}
}

func (p *Producer) query() url.Values {
	q := parameters{}
	q.text("clientId", p.client.options.ClientID)
	q.text("instanceId", p.instance)
	q.text("topic", p.topic)
	q.payload(&p.client.options)
	return url.Values(q)
}

// settle passes the answers to the messages of the oldest frame.
func (p *Producer) settle(group []entry, results func(i int) (Ack, error)) {
	bytes := 0
	for i := range group {
		ack, err := results(i)
		ack.Sends = group[i].sends
		group[i].answered(ack, err)
		bytes += len(group[i].frame)
	}
	p.window.give(len(group), bytes)
}

// tooLong deals with a connection that was ended since a frame was longer than the proxy takes: the longest that is unanswered is longer than
// it takes, too. A batch is sent in smaller ones; a message alone fails.
func (p *Producer) tooLong() (handled bool) {
	p.mu.Lock()
	failed, handled := p.backlog.shrink()
	p.mu.Unlock()
	if failed.answered != nil {
		refusal := &Error{
			Code: proxy.KindMessageTooLarge.String(), Close: int(proxy.CloseMessageTooBig),
			Message: "the message is longer than the proxy takes, see WSPROXY_MAX_MESSAGE_BYTES",
		}
		p.settle([]entry{failed}, func(int) (Ack, error) { return Ack{}, refusal })
	}
	return handled
}
