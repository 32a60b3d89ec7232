package table

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

const (
	// tableRequestTimeout bounds each request of a table beyond the time that Kafka is asked to
	// wait. It decides how soon a broker that went silent is given up.
	tableRequestTimeout = 5 * time.Second
	// defaultAppendTimeout is Options.AppendTimeout where that is 0.
	defaultAppendTimeout = 10 * time.Second
	// firstTableBackoff is the time before the second try; it doubles from try to try, up to
	// longestTableBackoff.
	firstTableBackoff   = 50 * time.Millisecond
	longestTableBackoff = time.Second
)

// Handler is told what a table holds. Its methods are called from one goroutine, in
// order, and must be quick: nothing is read meanwhile.
type Handler interface {
	// Restart tells that the table begins, or begins anew: what was read before counts no
	// more. why is empty at the first start, and then one sentence for logs. From the first
	// call on, Append works.
	Restart(why string)
	// Read is one record. Offsets rise from call to call until Restart. key and value are
	// valid during the call only; a value of nil is a tombstone. at is the record's
	// timestamp, in steps of a millisecond.
	Read(offset int64, at time.Time, key, value []byte)
	// CaughtUp tells, once after each Restart, that everything up to the end, as it was when
	// the replay began, has been read.
	CaughtUp()
}

// Options is what a table is opened with.
type Options struct {
	Name  string // of the table, in logs and the clients' ids: "sessions", "limits"
	Topic string
	// ReplicationFactor is for creating the topic. It is lowered to the number of brokers,
	// with a warning.
	ReplicationFactor int
	// MinCompactionLag is for how long a record must stay in the log at least; 0 leaves that
	// to the brokers. A topic that exists and keeps them shorter is used with a warning.
	MinCompactionLag time.Duration
	// SegmentAge is how long the topic, where it is created, writes to one segment, which
	// cannot be compacted while it is written to; 0 means ten minutes.
	SegmentAge time.Duration
	// LogAppendTime has brokers set the records' timestamps. A topic that exists and has it
	// otherwise is not used.
	LogAppendTime bool
	// AppendTimeout is after what time an Append without an answer fails, or up to an eighth
	// later; 0 means 10 s.
	AppendTimeout time.Duration
	Handler       Handler
}

// Table is a compacted topic of one partition, which is read from its start, then followed,
// and appended to. It is safe for concurrent use.
type Table struct {
	cluster *cluster.Cluster
	options Options
	log     *slog.Logger
	client  *kgo.Client // to read with
	admin   *kadm.Client
	decode  kgo.Decompressor
	state   tableState
	appends tableAppends
	life    context.Context //nolint:containedctx // until Close
	stop    context.CancelFunc
	done    chan struct{} // closed when nothing follows the topic anymore
	failed  chan error
}

// Open opens a table in the background: it creates the topic or checks it, replays it
// and follows it. While Kafka is down it goes on trying. Close ends it.
func Open(c *cluster.Cluster, o Options) (*Table, error) {
	if o.AppendTimeout == 0 {
		o.AppendTimeout = defaultAppendTimeout
	}
	client, err := kgo.NewClient(c.Options(metrics.StateClient, "wsproxy-"+o.Name+"-reader", tableClientOptions()...)...)
	if err != nil {
		return nil, fmt.Errorf("making the Kafka client that reads topic %s: %w", o.Topic, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &Table{
		cluster: c, options: o, client: client, admin: kadm.NewClient(client),
		decode: kgo.DefaultDecompressor(),
		log:    c.Log.With("table", o.Name, "topic", o.Topic),
		life:   ctx, stop: stop, done: make(chan struct{}), failed: make(chan error, 1),
	}
	t.state.begin(errTableOpening)
	c.Metrics.KafkaClients(metrics.StateClient).Inc()
	go t.follow(ctx)
	return t, nil
}

// tableClientOptions are those of both clients of a table, beyond what all clients have.
func tableClientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequestTimeoutOverhead(tableRequestTimeout),
		kgo.RequestRetries(2), // the table tries again by itself
		kgo.RetryBackoffFn(tableBackoff),
	}
}

// tableBackoff is how long to wait after so many tries in a row that failed.
func tableBackoff(failed int) time.Duration {
	return min(firstTableBackoff<<min(max(failed-1, 0), 10), longestTableBackoff)
}

// Ready tells why the table is not to be relied on, or nil: everything was read, and Kafka
// answers.
func (t *Table) Ready() error { return t.state.ready(time.Now()) }

// Failed returns a channel that gets one error when the topic cannot be used as it is. The
// error names the topic and the command that helps. The table does nothing more then.
func (t *Table) Failed() <-chan error { return t.failed }

// Lag returns how many offsets lie between what was read and the end of the log as Kafka told
// it last.
func (t *Table) Lag() int64 { return t.state.lag() }

// Close waits until what was appended has been written, for as long as ctx allows, fails what
// was not, and ends. No method of the handler runs after it, and no callback of an Append that
// came before.
func (t *Table) Close(ctx context.Context) {
	t.appends.close(ctx, t.cluster.Metrics, t.stop)
	<-t.done
	t.client.Close()
	t.cluster.Metrics.KafkaClients(metrics.StateClient).Dec()
}

// follow reads the topic until ctx ends or the topic proves unusable.
func (t *Table) follow(ctx context.Context) {
	defer close(t.done)
	reader := &tableReader{table: t, handler: t.options.Handler}
	for failed := 0; ctx.Err() == nil; {
		err := reader.step(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failed = 0
			continue
		}
		if _, unusable := errors.AsType[*unusableTopic](err); unusable {
			t.state.begin(err)
			t.failed <- err
			return
		}
		failed++
		t.interrupted(err)
		cluster.Pause(ctx, tableBackoff(failed))
	}
}

// interrupted tells that a try failed. What was lost has been told already.
func (t *Table) interrupted(err error) {
	if !errors.Is(err, errTableLost) && t.state.trouble(t.explain(err)) {
		t.log.Warn("reading the topic is interrupted; it is tried again", "err", err)
	}
}
