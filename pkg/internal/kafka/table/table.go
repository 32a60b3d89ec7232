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
	// tableRequestTimeout bounds each request of a table in addition to the time that Kafka is asked to
	// wait. It defines how soon a broker that does not answer is given up.
	tableRequestTimeout = 5 * time.Second
	// defaultAppendTimeout is Options.AppendTimeout if that is 0.
	defaultAppendTimeout = 10 * time.Second
	// firstTableBackoff is the back-off before the first retry; it doubles with each further retry, up
	// to longestTableBackoff.
	firstTableBackoff   = 50 * time.Millisecond
	longestTableBackoff = time.Second
)

// Handler receives the contents of a table. Its methods are called from one goroutine, in order, and
// must return quickly: nothing is read meanwhile.
type Handler interface {
	// Restart reports that the table begins, or begins anew: earlier records no longer count. why is
	// empty at the first start, and later one sentence for logs. From the first call on, Append works.
	Restart(why string)
	// Read receives one record. Offsets rise from call to call until Restart. key and value are valid
	// during the call only; a value of nil is a tombstone. at is the record's timestamp, in steps of a
	// millisecond.
	Read(offset int64, at time.Time, key, value []byte)
	// CaughtUp reports, once after each Restart, that everything was read up to the end of the log at
	// the time at which the replay began.
	CaughtUp()
}

// Options are the parameters of a table.
type Options struct {
	Name  string // of the table, in logs and the clients' ids: "sessions", "limits"
	Topic string
	// ReplicationFactor is used when the topic is created. It is lowered to the number of brokers, with
	// a warning.
	ReplicationFactor int
	// MinCompactionLag is how long a record must stay in the log at least; 0 leaves that to the brokers.
	// An existing topic with a shorter lag is used with a warning.
	MinCompactionLag time.Duration
	// DeleteRetention is how long a tombstone must stay in the log at least; 0 leaves that to the brokers.
	// A table that has read nothing for longer may have missed tombstones, and begins anew.
	DeleteRetention time.Duration
	// SegmentAge is how long a topic that the table creates writes to one segment. The active segment
	// cannot be compacted; 0 means ten minutes.
	SegmentAge time.Duration
	// LogAppendTime lets brokers set the records' timestamps. An existing topic with another setting is
	// not used.
	LogAppendTime bool
	// AppendTimeout is the time after which an Append without an answer fails, or up to an eighth later;
	// 0 means 10 s.
	AppendTimeout time.Duration
	Handler       Handler
}

// Table is a compacted topic of one partition, which is read from its start, then followed, and to which
// records are appended. It is safe for concurrent use.
type Table struct {
	cluster *cluster.Cluster
	options Options
	log     *slog.Logger
	client  *kgo.Client // to read with
	admin   *kadm.Client
	decode  kgo.Decompressor
	state   tableState
	away    away // used by the reading goroutine only
	appends tableAppends
	life    context.Context //nolint:containedctx // until Close
	stop    context.CancelFunc
	done    chan struct{} // closed when no goroutine follows the topic anymore
	failed  chan error
}

// Open opens a table in the background: it creates or checks the topic, replays it and follows it. While
// Kafka is down it keeps retrying. Close ends it.
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
	t.away.retention = o.DeleteRetention
	t.state.begin(errTableOpening)
	c.Metrics.KafkaClients(metrics.StateClient).Inc()
	go t.follow(ctx)
	return t, nil
}

// tableClientOptions returns the options of both clients of a table, beyond those of all clients.
func tableClientOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.RequestTimeoutOverhead(tableRequestTimeout),
		kgo.RequestRetries(2), // the table itself retries
		kgo.RetryBackoffFn(tableBackoff),
	}
}

// tableBackoff returns the back-off after the given number of consecutive failures.
func tableBackoff(failed int) time.Duration {
	return min(firstTableBackoff<<min(max(failed-1, 0), 10), longestTableBackoff)
}

// Ready returns the reason why the table is not up to date, or nil if everything was read, and Kafka
// answers. It does not wait.
func (t *Table) Ready() error { return t.state.ready(time.Now()) }

// Failed returns a channel that receives one error if the topic cannot be used as it is. The error names
// the topic and the command that fixes it. After that the table does nothing.
func (t *Table) Failed() <-chan error { return t.failed }

// Lag returns how many offsets lie between the reader's position and the end of the log that Kafka
// returned last.
func (t *Table) Lag() int64 { return t.state.lag() }

// Close waits until appended records are written, as long as ctx allows, fails the rest, and ends the
// table. After it no method of the handler runs, and no callback of an earlier Append.
func (t *Table) Close(ctx context.Context) {
	t.appends.close(ctx, t.cluster.Metrics, t.stop)
	<-t.done
	t.client.Close()
	t.cluster.Metrics.KafkaClients(metrics.StateClient).Dec()
}

// follow reads the topic until ctx ends or the topic turns out to be unusable.
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

// interrupted reports a failed attempt. A lost log was reported already.
func (t *Table) interrupted(err error) {
	if !errors.Is(err, errTableLost) && t.state.trouble(t.explain(err)) {
		t.log.Warn("reading the topic is interrupted; it is retried", "err", err)
	}
}
