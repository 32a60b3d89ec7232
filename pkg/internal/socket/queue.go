package socket

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lastAnswers bounds how long a connection that the proxy closes waits for the outcome of acknowledgements that were given
	// before it releases the rest.
	lastAnswers = time.Second
	// releaseTimeout bounds how long the end of a connection waits for Kafka to take back what the client held.
	releaseTimeout = 10 * time.Second
)

// Worker takes records of a queue and settles them. One goroutine may take while another one settles, and Close may be
// called at any time.
type Worker interface {
	// Take waits for what happens to the worker. The error is ctx's, or one for the client, after which the worker is of
	// no use.
	Take(ctx context.Context) (proxy.QueueEvent, error)
	// Deliver is called for each record that Take has returned, in their order, right before it is sent: the worker holds
	// it from then on. It returns false for one that is lost by then, and not to be sent.
	Deliver() bool
	// Settle gives an acknowledgement. Each call causes one settlement, in the order of the calls, until Close. The error is
	// ctx's, or that of Take.
	Settle(ctx context.Context, acknowledgement proxy.Acknowledgement, records []proxy.Position) error
	// Finish has the worker be given no further records, and gives back those that were not delivered.
	Finish()
	// Close releases what the worker holds at once, and waits for Kafka's answer or the end of ctx. Further calls wait likewise.
	Close(ctx context.Context)
}

// QueueOptions are the parameters of a /socket/queue connection.
type QueueOptions struct {
	Topic   string
	Codec   *codec.Queue
	Worker  Worker // closed when the connection is over
	Confirm bool   // whether each message of the client is answered
	Longest int    // bytes of a message that the client takes, 0 for no limit
}

// queue is the flow of one /socket/queue connection. It implements source.
//
// The taker passes what the worker has to the writer, one event at a time: while the client's socket is full it
// takes nothing more, so that no more than the window waits anywhere.
type queue struct {
	conn    *Conn
	options QueueOptions
	turns   turns
	handed  chan struct{} // tells the taker that the writer has taken what it was passed

	settling context.Context // ends when the worker is being closed
	stop     context.CancelFunc
	isOver   atomic.Bool

	// The taker's.
	last   context.Context
	noMore context.CancelFunc

	// The writer's.
	unwritten unwritten

	mu    sync.Mutex // guards what follows
	batch queueBatch
}

// queueBatch is what is on its way from the taker to the writer.
type queueBatch struct {
	waits      bool
	frames     []byte // ready to be sent
	deliveries []proxy.Delivery
	taken      time.Time
}

// ServeQueue delivers records to the client and settles them as it says, until the connection is over. What the client
// still holds then is released.
func ServeQueue(c *Conn, o QueueOptions) {
	f := &queue{conn: c, options: o, unwritten: unwritten{topic: c.metrics.Delivered(o.Topic), total: &c.records}, handed: make(chan struct{}, 1)}
	f.turns.room = make(chan struct{}, 1)
	f.settling, f.stop = context.WithCancel(context.Background())
	c.intake = &f.turns
	f.run()
}

func (f *queue) run() {
	var taker sync.WaitGroup
	taker.Go(f.takeLoop)
	go f.conn.writeLoop(f)
	defer f.finish(&taker)
	defer f.conn.endAtPanic()
	f.readLoop()
}

// finish ends the connection. What the client held is released before the close handshake: that may take a while.
func (f *queue) finish(taker *sync.WaitGroup) {
	f.mu.Lock()
	f.conn.shut() // no record is sent from here on
	f.mu.Unlock()
	f.beginRelease()
	f.conn.finish()
	taker.Wait()
}

// readLoop takes the client's messages.
func (f *queue) readLoop() {
	for {
		text, message, err := f.conn.Read()
		if err != nil {
			return
		}
		if answer, taken := f.conn.renew(text, message); !taken {
			f.settle(message)
		} else if answer != nil {
			f.say(answer)
		}
	}
}

// settle carries out a client's message.
func (f *queue) settle(message []byte) {
	v, e := f.options.Codec.DecodeAcknowledgements(message)
	if e != nil {
		f.say(codec.AppendError(nil, e, "", ""))
		return
	}
	f.turns.begin(v.Unknown)
	f.conn.waits()
	defer f.conn.clock.reset()
	_ = f.options.Worker.Settle(f.settling, v.Acknowledgement, v.Positions) // the taker learns of errors, too
}

// say answers a message in its turn: at once if those before it are answered.
func (f *queue) say(text []byte) {
	if !f.turns.add(text) {
		f.conn.SendText(text)
	}
}

// takeLoop is the taker. It ends when what the client held is released.
func (f *queue) takeLoop() {
	for f.conn.open.Err() == nil {
		if err := f.take(f.conn.open, f.pass); err != nil && f.conn.open.Err() == nil {
			f.conn.End(EndWith(proxy.AsError(err), failedPollGrace))
		}
	}
	f.passLast()
	f.release()
}

// take takes what has happened, and passes it on.
func (f *queue) take(ctx context.Context, pass func(*proxy.QueueEvent) error) error {
	e, err := f.options.Worker.Take(ctx)
	if err != nil {
		return err //nolint:wrapcheck // it is for the client
	}
	return pass(&e)
}

func (f *queue) pass(e *proxy.QueueEvent) error {
	switch {
	case e.Settlement != nil:
		return f.passAnswers(e.Settlement)
	case e.Expired != nil:
		return f.hand(queueBatch{frames: f.appendExpired(nil, e.Expired)})
	case e.Notice != nil:
		return f.hand(queueBatch{frames: appendFrame(nil, opText, codec.AppendError(nil, e.Notice, "", ""))})
	default:
		return f.hand(queueBatch{deliveries: e.Deliveries, taken: time.Now()})
	}
}

// passLast passes the outcome of the acknowledgements that were given before the proxy began to close the connection. No record comes
// meanwhile: the client could give an acknowledgement on it by the id of an earlier delivery, and has not seen it. It is not told of locks
// that end either: it may never have had those records.
func (f *queue) passLast() {
	f.options.Worker.Finish()
	ctx := f.lastAnswers()
	defer f.noMore()
	for f.turns.any() {
		if f.take(ctx, f.passOutcome) != nil {
			return
		}
	}
}

// passOutcome passes settlements alone.
func (f *queue) passOutcome(e *proxy.QueueEvent) error {
	if e.Settlement == nil {
		return nil
	}
	return f.passAnswers(e.Settlement)
}

// hand gives something to the writer, and waits until the writer has taken it. While the proxy closes the connection, records are
// taken back at once and answers soon: a peer that does not read must not hold up the release.
func (f *queue) hand(b queueBatch) error {
	b.waits = true
	f.mu.Lock()
	f.batch = b
	f.mu.Unlock()
	f.conn.Wake()
	select {
	case <-f.handed:
		return nil
	case <-f.conn.done:
		return errEnded
	case <-f.conn.open.Done():
	}
	if b.deliveries != nil {
		return f.takeBack()
	}
	select {
	case <-f.handed:
		return nil
	case <-f.conn.done:
		return errEnded
	case <-f.lastAnswers().Done():
		return f.takeBack()
	}
}

// lastAnswers returns the time that is left for answers. It begins with the first call, which is made when the proxy has begun
// to close the connection. The taker calls it.
func (f *queue) lastAnswers() context.Context {
	if f.last == nil {
		f.last, f.noMore = context.WithTimeout(f.settling, lastAnswers)
	}
	return f.last
}

// takeBack undoes hand, unless the writer has taken what it was given.
func (f *queue) takeBack() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.batch.waits {
		<-f.handed
		return nil
	}
	f.batch = queueBatch{}
	return errEnded
}

// beginRelease releases what the client holds, and does not wait for Kafka.
func (f *queue) beginRelease() {
	f.stop()
	f.options.Worker.Close(f.settling)
}

// release releases what the client holds, and tells the writer when that is done.
func (f *queue) release() {
	f.stop()
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	f.options.Worker.Close(ctx)
	f.isOver.Store(true)
	f.conn.Wake()
}

// fill implements source.
func (f *queue) fill(dst []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := &f.batch
	if !b.waits {
		return dst
	}
	dst = append(dst, b.frames...)
	b.frames = nil
	if f.conn.open.Err() != nil {
		b.deliveries = nil
	}
	dst = f.appendDeliveries(dst, b)
	if len(b.deliveries) == 0 {
		b.deliveries, b.waits = nil, false
		f.handed <- struct{}{}
	}
	return dst
}

// appendDeliveries appends as many records as fit one write.
func (f *queue) appendDeliveries(dst []byte, b *queueBatch) []byte {
	n := 0
	for ; n < len(b.deliveries) && f.conn.extension.filled(dst) < fillSize; n++ {
		if !f.options.Worker.Deliver() {
			continue
		}
		var mark int
		var undecodable bool
		dst, mark = beginFrame(dst)
		dst, undecodable = f.options.Codec.AppendDelivery(dst, &b.deliveries[n])
		dst = f.conn.extension.endMessage(dst, mark, opText)
		f.unwritten.add(undecodable)
	}
	f.unwritten.since = b.taken
	b.deliveries = b.deliveries[n:]
	return dst
}

// wrote implements source.
func (f *queue) wrote() { f.unwritten.wrote() }

// due implements source.
func (f *queue) due() time.Time { return time.Time{} }

// midMessage implements source.
func (f *queue) midMessage() bool { return false }

// rest implements source.
func (f *queue) rest() {}

// over implements source: it returns true when what the client held is released.
func (f *queue) over(late bool) bool { return late || f.isOver.Load() }
