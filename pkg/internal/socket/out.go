package socket

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxPoll is the most records of a poll where no setting asks for fewer: about as many as a fetch of
	// 1 MiB has, as franz-go fetches again only when all were polled.
	maxPoll = 5000
	// keptRecords is room for how many records a connection keeps that has little to do.
	keptRecords = 64
	// revokeWait bounds how long the revocation of a partition waits for a client's pong.
	revokeWait = time.Second
	// leaveTimeout bounds leaving the group after a connection's end.
	leaveTimeout = 10 * time.Second
	// confirmTimeout bounds how long the echo of a client's close frame waits for the last pong.
	confirmTimeout = 500 * time.Millisecond
	// failedPollGrace is how long a connection has for its last pongs after polling failed.
	failedPollGrace = 2 * time.Second
)

// Consumer reads one topic as a member of a consumer group. Polls come from one goroutine,
// commits from any.
type Consumer interface {
	// Poll waits for records and appends at most most of them to into. They are valid until
	// the next call. taken is called before any of their partitions can be revoked. The error
	// is ctx's, or one for the client; no more polls are allowed then.
	Poll(ctx context.Context, most int, into []proxy.Record, taken func()) ([]proxy.Record, error)
	// Commit commits positions of partitions that are owned. The error is of proxy.KindTopicNotFound once
	// the topic was deleted, after which no commit succeeds.
	Commit(ctx context.Context, positions []proxy.Next) error
	// Close ends reading, after the owner was told that all partitions are revoked. With leave the
	// group assigns them to other members; without, it keeps them for the client for a while.
	Close(ctx context.Context, leave bool)
}

// OutOptions are the parameters of a /socket/out connection.
type OutOptions struct {
	Topic          string
	Codec          codec.Out
	Open           func(proxy.Owner) (Consumer, error) // joins the group
	AutoCommit     bool
	CommitInterval time.Duration
	Batch          *limit.Bound // most records per poll, apart from the proxy's own bound
	Rate           *limit.Rate
	Credit         *Credit // nil where TCP alone holds records back
	Log            *slog.Logger
}

// out is the flow of one /socket/out connection. It implements source and proxy.Owner.
type out struct {
	conn      *Conn
	options   OutOptions
	throttled *metrics.Counter
	delivery  *delivery
	commits   *commits
	consumer  Consumer

	// The writer's.
	unwritten unwritten

	mu    sync.Mutex // guards what follows
	batch handover
	taken chan struct{} // tells the poller that the writer has taken the batch
}

// handover is a batch on its way from the poller to the writer.
type handover struct {
	records []proxy.Record
	polled  time.Time
	asOf    uint64 // the newest ownership when they were polled
}

// ServeOut delivers records and commits what was delivered, until the connection is over.
func ServeOut(c *Conn, o OutOptions) {
	f := &out{
		conn: c, options: o, unwritten: unwritten{topic: c.metrics.Delivered(o.Topic), total: &c.records},
		delivery:  newDelivery(o.AutoCommit, o.CommitInterval),
		throttled: c.metrics.Throttled(metrics.Out),
		taken:     make(chan struct{}, 1),
	}
	f.commits = &commits{
		delivery: f.delivery, metrics: c.metrics, log: o.Log,
		failed: f.commitFailed, ended: c.Wake, turn: make(chan struct{}, 1),
	}
	c.onPong = f.ponged
	consumer, err := o.Open(f)
	if err != nil {
		c.End(EndWith(proxy.AsError(err), 0))
	} else {
		f.consumer = consumer
		f.commits.begin(consumer)
	}
	f.run()
}

func (f *out) run() {
	var poller sync.WaitGroup
	if f.consumer != nil {
		poller.Go(f.pollLoop)
	}
	go f.conn.writeLoop(f)
	defer f.finish(&poller)
	defer f.conn.endAtPanic()
	f.readLoop()
	f.confirmClose()
}

// finish ends the connection, and leaves the group where the connection was closed.
func (f *out) finish(poller *sync.WaitGroup) {
	f.conn.finish()
	poller.Wait()
	f.commits.close()
	if f.consumer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		f.consumer.Close(ctx, f.conn.left())
	}
}

// confirmClose delays the echo of the client's close frame until a last ping has shown which records the
// client has: those that it has should not come again when it reconnects.
func (f *out) confirmClose() {
	if !f.conn.awaitsEcho() {
		return
	}
	f.mu.Lock() // a fill either has recorded what it sends by now, or sends no records
	f.conn.shut()
	f.mu.Unlock()
	f.conn.readPongs(time.Now().Add(confirmTimeout), func() bool {
		outstanding, _ := f.delivery.outstanding(nil)
		if outstanding {
			f.conn.Wake()
		}
		return outstanding
	})
}

// readLoop takes the client's commits, also after the proxy has sent its close frame: until the
// client answers that, it may commit records that it had.
func (f *out) readLoop() {
	for {
		text, frame, err := f.conn.Read()
		if err != nil {
			return
		}
		if f.consumer != nil && !f.takeRenewal(text, frame) && !f.takeGrant(text, frame) {
			f.take(text, frame)
		}
	}
}

// take carries out a client's commit. A commit that succeeds is not answered.
func (f *out) take(text bool, frame []byte) {
	var commit codec.Commit
	err := checkMessageType(text, f.options.Codec.Binary())
	if err == nil {
		commit, err = f.options.Codec.DecodeCommit(frame)
	}
	if f.options.AutoCommit && (err == nil || err.Kind == proxy.KindUnknownMessageID) { // whatever it names
		err = proxy.Errorf(proxy.KindInvalidMessage, "Commits are not taken with autoCommit=true: connect with autoCommit=false to commit by yourself.")
	}
	if err == nil && commit.Position.Topic != f.options.Topic {
		err = proxy.Errorf(proxy.KindUnknownMessageID, "wsProxyMessageId is of another topic.")
	}
	if err == nil {
		err = f.delivery.acknowledge(commit.Position)
	}
	if err != nil {
		f.sendError(err, commit.ID, commit.HasID)
		return
	}
	f.commits.kick()
}

// sendError sends the error of a commit that failed, with its id where that is known.
func (f *out) sendError(err *proxy.Error, id string, hasID bool) {
	name := ""
	if hasID {
		name = codec.MessageIDName
	}
	f.conn.SendText(codec.AppendError(nil, err, name, id))
}

// commitFailed tells a client that commits itself which of its commits failed. The writer retries
// commits that the client did not ask for.
func (f *out) commitFailed(positions []proxy.Next, err error) {
	if f.options.AutoCommit {
		return
	}
	for _, next := range positions {
		last, asked := f.delivery.asked(next)
		if !asked {
			continue
		}
		last.Topic = f.options.Topic
		failure := proxy.Wrap(err, proxy.KindCommitFailed, "Kafka did not take the commit: send it again.")
		if endedTopic(err) {
			failure = proxy.Wrap(err, proxy.KindUnknownMessageID, "wsProxyMessageId is of a topic that was deleted.")
		}
		f.sendError(failure, last.String(), true)
	}
}

// ponged runs in the reader. It tells whether the pong repeats a ping that was sent.
func (f *out) ponged(payload []byte) (right bool) {
	right, more := f.delivery.ponged(payload)
	if more {
		f.commits.kick()
		f.conn.Wake()
	}
	return right
}

// pollLoop is the poller. It returns when the connection is closed or is being closed.
func (f *out) pollLoop() {
	var records []proxy.Record
	for {
		var err error
		var asOf uint64
		records = reusable(records)
		records, err = f.consumer.Poll(f.conn.open, f.mostPerPoll(), records, func() { asOf = f.delivery.newest() })
		if err == nil {
			err = f.pass(handover{records, time.Now(), asOf})
		}
		if f.conn.open.Err() != nil {
			return
		}
		if err != nil {
			f.conn.End(EndWith(proxy.AsError(err), failedPollGrace))
			return
		}
	}
}

// reusable returns the room of the last poll's records for the next poll, unless they needed little of it:
// a connection that is idle after a burst gives it back.
func reusable(records []proxy.Record) []proxy.Record {
	if cap(records) > keptRecords && len(records) < cap(records)/8 {
		return nil
	}
	return records[:0]
}

// mostPerPoll bounds a poll also by one second of the rate limit and by the credit, so that a low rate or a client
// that waits holds few records. Without credit there are polls, too: they return Kafka's errors.
func (f *out) mostPerPoll() int {
	most := max(keptRecords, f.options.Credit.of(maxPoll))
	if perSecond := f.options.Rate.PerSecond(); perSecond > 0 {
		most = min(most, perSecond)
	}
	return f.options.Batch.Of(most)
}

// pass hands records to the writer within the connection's credit and at its rate, and waits until the writer has
// taken them. Limits that were lowered since the poll apply to them, too.
func (f *out) pass(polled handover) error {
	records := polled.records
	for len(records) > 0 {
		n, err := f.admit(len(records))
		if err != nil {
			return err
		}
		polled.records = records[:n]
		if err := f.hand(polled); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// admit waits until some of n records may be sent, and returns how many. The credit is taken last: the wait for
// the rate may be given up, or may be for fewer.
func (f *out) admit(n int) (int, error) {
	n, err := f.options.Credit.await(f.conn.open, f.options.Batch.Of(n))
	if err != nil {
		return 0, err
	}
	if n, err = throttle(f.conn, f.options.Rate, f.throttled, n); err != nil {
		return 0, err
	}
	f.options.Credit.take(n)
	return n, nil
}

func (f *out) hand(batch handover) error {
	f.mu.Lock()
	f.batch = batch
	f.mu.Unlock()
	f.conn.Wake()
	select {
	case <-f.taken:
		return nil
	case <-f.conn.done:
		return errEnded
	}
}

// fill implements source: records first, then a ping that will prove their delivery.
func (f *out) fill(dst []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.delivery.mu.Lock()
	defer f.delivery.mu.Unlock()
	if len(f.batch.records) > 0 {
		dst = f.appendRecords(dst)
	}
	now := time.Now()
	if at := f.delivery.nextPing(); !at.IsZero() && !now.Before(at) {
		dst = f.delivery.appendPing(dst, now)
		f.conn.pings.pinged()
	}
	if at := f.commits.retry(); !at.IsZero() && !now.Before(at) {
		f.commits.kick()
	}
	return dst
}

// appendRecords appends as many records of the batch as fit one write. A record of a partition that
// is not owned anymore is dropped: the new owner delivers it. All records that are left are dropped
// when the proxy closes the connection.
func (f *out) appendRecords(dst []byte) []byte {
	if f.conn.open.Err() != nil {
		f.batch.records = nil
	}
	op := opText
	if f.options.Codec.Binary() {
		op = opBinary
	}
	f.unwritten.since = f.batch.polled
	n := 0
	for n < len(f.batch.records) && f.conn.extension.filled(dst) < fillSize {
		r := &f.batch.records[n]
		n++
		if !f.delivery.send(r, f.batch.asOf) {
			f.options.Credit.giveBack()
			continue
		}
		var mark int
		var undecodable bool
		dst, mark = beginFrame(dst)
		dst, undecodable = f.options.Codec.AppendRecord(dst, r)
		dst = f.conn.extension.endMessage(dst, mark, op)
		f.unwritten.add(undecodable)
	}
	f.batch.records = f.batch.records[n:]
	if len(f.batch.records) == 0 {
		f.batch.records = nil // what the poller does not reuse is given back
		f.taken <- struct{}{}
	}
	return dst
}

// wrote implements source.
func (f *out) wrote() { f.unwritten.wrote() }

// due implements source.
func (f *out) due() time.Time {
	f.delivery.mu.Lock()
	at := f.delivery.nextPing()
	f.delivery.mu.Unlock()
	if retry := f.commits.retry(); at.IsZero() || !retry.IsZero() && retry.Before(at) {
		at = retry
	}
	return at
}

// midMessage implements source.
func (f *out) midMessage() bool { return false }

// rest implements source. The poller gives back what it keeps, and knows when.
func (f *out) rest() {}

// over implements source: it returns true when the records sent are known to have arrived, where
// that can be known, and are committed.
func (f *out) over(late bool) bool {
	if late || f.consumer == nil {
		return true
	}
	outstanding, _ := f.delivery.outstanding(nil)
	return !outstanding && f.commits.idle()
}

// Assigned implements proxy.Owner.
func (f *out) Assigned(starts map[int32]proxy.Start) {
	if f.delivery.assigned(starts) {
		f.commits.kick()
	}
}

// Revoked implements proxy.Owner: it has one more ping sent, and waits for its pong within a bound.
func (f *out) Revoked(ctx context.Context, partitions []int32) []proxy.Next {
	f.delivery.stopSending(partitions)
	ctx, cancel := context.WithTimeout(ctx, revokeWait)
	defer cancel()
	_ = f.awaitDelivery(ctx, partitions)
	var commits []proxy.Next
	f.commits.exclusively(context.WithoutCancel(ctx), func() {
		commits = f.delivery.uncommitted(partitions)
		f.delivery.disown(partitions)
	})
	return commits
}

// awaitDelivery waits until the client is known to have all records sent of the partitions.
func (f *out) awaitDelivery(ctx context.Context, partitions []int32) error {
	for {
		outstanding, changed := f.delivery.outstanding(partitions)
		if !outstanding {
			return nil
		}
		f.conn.Wake()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-f.conn.done:
			return errors.New("the connection is over")
		}
	}
}

// Lost implements proxy.Owner.
func (f *out) Lost(partitions []int32) {
	ctx, cancel := context.WithTimeout(context.Background(), revokeWait)
	defer cancel()
	f.commits.exclusively(ctx, func() { f.delivery.disown(partitions) })
}
