package consume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// heartbeatsPerSession is how many heartbeats a member may miss.
	heartbeatsPerSession = 5
	// rebalanceTimeout is how long the others of a group wait for a member that has partitions
	// to give: a client's last pong, a commit under way and the last commit take less.
	rebalanceTimeout = 20 * time.Second
	// commitOnRevokeTimeout bounds the commit before partitions move.
	commitOnRevokeTimeout = 5 * time.Second
	// joinWait is how long a consumer that is closed may still be joining: a rebalance can wait
	// for others much longer.
	joinWait = 3 * time.Second
)

// OffsetReset says where a group starts in a partition without a valid committed offset.
type OffsetReset string

// The strategies of offset reset.
const (
	ResetEarliest OffsetReset = "earliest"
	ResetLatest   OffsetReset = "latest"
	ResetNone     OffsetReset = "none"
)

// Options is what a member of a consumer group is made with.
type Options struct {
	ClientID       proxy.ClientID
	GroupID        proxy.GroupID
	Topic          *cluster.Topic // and whose credentials: read for each login
	Reset          OffsetReset
	ReadCommitted  bool
	SessionTimeout time.Duration // after which Kafka gives a dead member's partitions away
	Owner          proxy.Owner
}

// Consumer is a member of a consumer group that reads one topic. It is a static one, so that a
// client whose connection was cut finds its partitions kept for it, and the group does not
// rebalance (KIP-345).
type Consumer struct {
	options  Options
	instance string
	made     chan struct{} // closed when client and admin are set: partitions may come before
	client   *kgo.Client
	abort    context.CancelFunc // ends what the client waits for
	cluster  *cluster.Cluster
	admin    *kadm.Client
	metrics  *metrics.Metrics
	log      *slog.Logger
	members  membership
	lags     *lags
	holding  *holding
	fetched  *fetched
	headers  []proxy.Header // of the last poll, reused
}

// Consumers makes the consumers of connections, and follows how far their groups are behind.
type Consumers struct {
	cluster *cluster.Cluster
	lags    *lags
	memory  memory
}

// NewConsumers starts following lags. Close ends it. What consumers fetch is held of the budget.
func NewConsumers(c *cluster.Cluster, b *budget.Budget) *Consumers {
	return &Consumers{cluster: c, lags: newLags(c), memory: memory{budget: b}}
}

// Close ends the following of lags. The consumers are closed by their own.
func (m *Consumers) Close() { m.lags.close() }

// Join joins a group. It does not wait for the brokers.
func (m *Consumers) Join(o Options) (*Consumer, error) {
	c := m.cluster
	consumer := &Consumer{
		options: o, instance: instanceID(o.ClientID), metrics: c.Metrics, made: make(chan struct{}),
		log: c.Log.With("clientId", o.ClientID, "groupId", o.GroupID, "topic", o.Topic.Name),
	}
	consumer.lags, consumer.holding = m.lags, m.lags.begin(consumer)
	consumer.fetched = newFetched(&m.memory)
	ctx, abort := context.WithCancel(context.Background())
	options := append(consumer.clientOptions(), kgo.WithContext(ctx), c.Through(consumer.fetched.through))
	client, err := kgo.NewClient(c.OptionsAs(metrics.ConsumerClient, o.Topic.Credentials, string(o.ClientID), options...)...)
	if err != nil {
		abort()
		m.lags.end(consumer.holding)
		return nil, fmt.Errorf("making a Kafka consumer: %w", err)
	}
	consumer.client, consumer.abort, consumer.cluster, consumer.admin = client, abort, c, kadm.NewClient(client)
	close(consumer.made)
	c.Metrics.KafkaClients(metrics.ConsumerClient).Inc()
	return consumer, nil
}

func (c *Consumer) clientOptions() []kgo.Opt {
	o := c.options
	start, reset := offsets(o.Reset)
	isolation := kgo.ReadUncommitted()
	if o.ReadCommitted {
		isolation = kgo.ReadCommitted()
	}
	return []kgo.Opt{
		kgo.ConsumerGroup(string(o.GroupID)),
		kgo.InstanceID(c.instance),
		kgo.Balancers(c.balancer()),
		kgo.MaxVersions(commitsByName()),
		kgo.ConsumeTopics(o.Topic.Name),
		kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(reset),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxBytes(fetchFirstBytes),
		kgo.FetchMaxPartitionBytes(fetchFirstBytes),
		kgo.WithHooks(&fetchSize{update: c.fetchAtMost, fetched: c.fetched}),
		kgo.SessionTimeout(o.SessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(min(3*time.Second, o.SessionTimeout/heartbeatsPerSession)),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // for the moment that Poll takes, see there
		kgo.KeepControlRecords(),   // only to know how far the lag is none
		kgo.AdjustFetchOffsetsFn(c.assigned),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
	}
}

func (c *Consumer) fetchAtMost(maxBytes, maxPartitionBytes int32) {
	<-c.made
	c.client.UpdateFetchMaxBytes(maxBytes, maxPartitionBytes)
}

func offsets(reset OffsetReset) (start, out kgo.Offset) {
	switch reset {
	case ResetLatest:
		return kgo.NewOffset().AtEnd(), kgo.NewOffset().AtEnd()
	case ResetNone:
		return kgo.NewOffset().AtCommitted(), kgo.NoResetOffset()
	default:
		return kgo.NewOffset().AtStart(), kgo.NewOffset().AtStart()
	}
}

// assigned tells the owner where delivery starts, before the first fetch. Under latest the
// end is looked up here, so that it is known and can be committed.
func (c *Consumer) assigned(ctx context.Context, all map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	<-c.made
	partitions := all[c.options.Topic.Name]
	c.backIntoRange(ctx, partitions)
	starts, committed := make(map[int32]proxy.Start, len(partitions)), make(map[int32]int64, len(partitions))
	var ends kadm.ListedOffsets
	for partition, offset := range partitions {
		at := offset.EpochOffset().Offset
		if at < 0 && c.options.Reset == ResetLatest {
			if ends == nil {
				var err error
				if ends, err = c.ends(ctx); err != nil {
					return nil, err
				}
			}
			end, _ := ends.Lookup(c.options.Topic.Name, partition)
			if end.Err != nil {
				return nil, fmt.Errorf("looking up the end of partition %d: %w", partition, end.Err)
			}
			at = end.Offset
			partitions[partition] = kgo.NewOffset().At(at)
		}
		starts[partition], committed[partition] = proxy.Start{Offset: max(at, 0), Commit: c.options.Reset == ResetLatest}, at
	}
	c.holding.hold(committed)
	c.members.assigned(c.member(), maps.Keys(starts))
	c.options.Owner.Assigned(starts)
	return all, nil
}

// ends returns the ends of the topic's partitions, under read_committed those of the
// committed part.
func (c *Consumer) ends(ctx context.Context) (kadm.ListedOffsets, error) {
	list := c.admin.ListEndOffsets
	if c.options.ReadCommitted {
		list = c.admin.ListCommittedOffsets
	}
	ends, err := list(ctx, c.options.Topic.Name)
	if err != nil {
		return nil, fmt.Errorf("looking up the ends of topic %q: %w", c.options.Topic.Name, err)
	}
	return ends, nil
}

func (c *Consumer) revoked(ctx context.Context, _ *kgo.Client, all map[string][]int32) {
	defer c.holding.drop(all[c.options.Topic.Name])
	partitions, stale := c.members.split(c.member(), all[c.options.Topic.Name])
	if len(stale) > 0 {
		c.options.Owner.Lost(stale)
	}
	if len(partitions) == 0 {
		return
	}
	positions := c.options.Owner.Revoked(ctx, partitions)
	if len(positions) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitOnRevokeTimeout)
	defer cancel()
	if err := c.Commit(ctx, positions); err != nil {
		c.metrics.Committed(metrics.CommitFailed)
		c.log.Warn("committing offsets before partitions moved failed: what was delivered since the last commit comes again", "err", err)
		return
	}
	c.metrics.Committed(metrics.CommitOK)
}

func (c *Consumer) lost(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	c.holding.drop(all[c.options.Topic.Name])
	c.members.lost(all[c.options.Topic.Name])
	c.options.Owner.Lost(all[c.options.Topic.Name])
}

// Poll waits for records and appends at most most of them to into. They are valid until the
// next call. The error is ctx's, or one for the client: nothing comes after it.
//
// taken is called when records were taken and before any of their partitions can be revoked:
// then the owner still has the partitions in the ownership that the records belong to.
func (c *Consumer) Poll(ctx context.Context, most int, into []proxy.Record, taken func()) ([]proxy.Record, error) {
	clear(into[len(into):cap(into)]) // the records of the last poll would keep their whole fetch
	clear(c.headers[:cap(c.headers)])
	for len(into) == 0 {
		c.fetched.begin()
		fetches := c.client.PollRecords(ctx, most)
		c.fetched.end()
		err := ctx.Err()
		if err == nil {
			err = c.fatal(ctx, fetches)
		}
		taken()
		c.holding.polled(fetches)
		c.client.AllowRebalance()
		if err != nil {
			return into, err
		}
		into = c.records(fetches, into)
	}
	return into, nil
}

// fatal returns the first error after which nothing more can be read. franz-go goes on after
// the others by itself.
func (c *Consumer) fatal(ctx context.Context, fetches kgo.Fetches) error {
	var fatal error
	fetches.EachError(func(_ string, partition int32, err error) {
		if e := c.pollError(ctx, partition, err); e != nil && fatal == nil {
			fatal = e
		}
	})
	return fatal
}

func (c *Consumer) pollError(ctx context.Context, partition int32, err error) error {
	var lost *kgo.ErrDataLoss
	switch {
	case errors.As(err, &lost):
		c.log.Warn("records were lost: the log was truncated or retention passed the group's position", "err", err)
		c.goBack(ctx, lost)
		return nil
	case errors.Is(err, kgo.ErrClientClosed):
		return proxy.Wrap(err, proxy.KindShuttingDown, "The proxy is shutting down.")
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise reading topic %q in group %q.", c.options.Topic.Name, c.options.GroupID)
	case errors.Is(err, kerr.FencedInstanceID):
		return proxy.Wrap(errors.Join(proxy.ErrSucceeded, err), proxy.KindDuplicateClient,
			"Another connection of client %q has taken this one's place in group %q.", c.options.ClientID, c.options.GroupID)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return proxy.Wrap(err, proxy.KindInvalidParameter, "groupId: the members of group %q assign partitions in another way than cooperative-sticky.", c.options.GroupID)
	case errors.Is(err, kerr.InvalidGroupID):
		return proxy.Wrap(err, proxy.KindInvalidParameter, "groupId: Kafka does not take %q.", c.options.GroupID)
	case c.options.Reset == ResetNone && outOfRange(err):
		return proxy.Wrap(err, proxy.KindOffsetOutOfRange,
			"Group %q has no valid offset in partition %d of topic %q, and offsetResetStrategy is none.", c.options.GroupID, partition, c.options.Topic.Name)
	default:
		c.log.Warn("reading from Kafka failed; it is tried again", "partition", partition, "err", err)
		return nil
	}
}

// outOfRange tells whether a partition has no valid offset. franz-go does not export its
// error for a missing commit.
func outOfRange(err error) bool {
	return errors.Is(err, kerr.OffsetOutOfRange) || err.Error() == "partition has no prior committed offset"
}

// records converts what was fetched, without the marks that end transactions.
func (c *Consumer) records(fetches kgo.Fetches, into []proxy.Record) []proxy.Record {
	c.headers = c.headers[:0]
	for record := range fetches.RecordsAll() {
		if record.Attrs.IsControl() {
			continue
		}
		into = append(into, proxy.Record{
			Partition: record.Partition, Offset: record.Offset, Timestamp: record.Timestamp.UnixMilli(),
			Key: record.Key, Value: record.Value, Headers: c.convert(record.Headers),
		})
	}
	return into
}

// convert copies headers into the consumer's own list. Should that move, earlier records keep
// the old one.
func (c *Consumer) convert(headers []kgo.RecordHeader) []proxy.Header {
	if len(headers) == 0 {
		return nil
	}
	from := len(c.headers)
	for _, h := range headers {
		c.headers = append(c.headers, proxy.Header(h))
	}
	return c.headers[from:len(c.headers):len(c.headers)]
}

// Close ends reading, after the owner was told that all partitions are revoked. With leave, the
// group gives them to others at once; without, it keeps them for the client until the
// SessionTimeout.
func (c *Consumer) Close(ctx context.Context, leave bool) {
	defer c.lags.end(c.holding)
	defer c.fetched.close()
	c.fetched.stop()
	waiting, cancel := context.WithTimeout(ctx, joinWait)
	defer cancel()
	joining := c.client.LeaveGroupContext(waiting) != nil // a static member stays in the group
	if joining {                                          // until it has joined, franz-go revokes nothing
		c.revoked(ctx, c.client, map[string][]int32{c.options.Topic.Name: c.members.all()})
		c.abort()
	}
	defer c.abort()
	member := c.member()
	c.client.Close()
	// franz-go polls once more in Close, which a leave that comes second waits for.
	c.client.AllowRebalance()
	if leave {
		if err := c.leave(ctx, member); err != nil {
			c.log.Warn("leaving the group failed: Kafka waits for the session timeout", "err", err)
		}
	}
	c.metrics.KafkaClients(metrics.ConsumerClient).Dec()
}
