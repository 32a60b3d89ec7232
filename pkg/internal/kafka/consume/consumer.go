package consume

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// OffsetReset defines where a group starts in a partition without a valid committed offset.
type OffsetReset string

// The strategies of offset reset.
const (
	ResetEarliest OffsetReset = "earliest"
	ResetLatest   OffsetReset = "latest" // where the group begins, see the package documentation
	ResetNone     OffsetReset = "none"
)

// Options are the parameters of a member of a consumer group.
type Options struct {
	ClientID       proxy.ClientID
	GroupID        proxy.GroupID
	Topic          *cluster.Topic // with its credentials, which are read for each login
	Reset          OffsetReset
	ReadCommitted  bool
	SessionTimeout time.Duration // after which Kafka reassigns the partitions of a dead member
	Owner          proxy.Owner
}

// Consumer is a member of a consumer group that reads one topic. It is a static member: after a
// disconnection the client finds that its partitions were kept for it, and the group does not rebalance
// (KIP-345).
type Consumer struct {
	options  Options
	opened   int32 // how many partitions the topic had when the consumer was made
	instance string
	made     chan struct{} // closed when client and admin are set: an assignment may arrive earlier
	client   *kgo.Client
	abort    context.CancelFunc // cancels what the client waits for
	admin    *kadm.Client
	metrics  *metrics.Metrics
	log      *slog.Logger
	members  membership
	begun    begun
	size     *fetchSize
	lags     *lags
	holding  *holding
	fetched  *fetched

	stopGrowth func()
	moving     turns // held while the ownership of partitions begins or ends
	closed     bool  // the owner must not be called anymore; guarded by moving
	later      chan struct{}
	succeeded  atomic.Bool // a successor takes its place

	// Used by the polling goroutine only.
	trouble trouble
	headers cluster.Headers // of the last poll
}

// Lag returns the group's lag in the partitions that the member holds now, with ends of their logs that are up to lagInterval
// old. It is not known until Kafka has been asked for them.
func (c *Consumer) Lag() (records int64, known bool) { return c.holding.sum() }

// Consumers creates the consumers of connections, and tracks the lag of their groups.
type Consumers struct {
	cluster *cluster.Cluster
	lags    *lags
	memory  memory
	later   chan struct{} // holds a token for each closed consumer that waits for its first join
}

// NewConsumers starts tracking lags until Close. Fetched records are charged to the budget.
func NewConsumers(c *cluster.Cluster, b *budget.Budget) *Consumers {
	return &Consumers{
		cluster: c, lags: newLags(c), later: make(chan struct{}, laterAtMost),
		memory: memory{budget: b, waits: waitsFor(c.Settings.ClientRequestTimeout)},
	}
}

// Close ends the tracking of lags. It does not close the consumers: their owners do.
func (m *Consumers) Close() { m.lags.close() }

// holdsAll tells whether the consumer holds all partitions of its topic.
func (c *Consumer) holdsAll() bool { return c.holding.count() >= int(c.options.Topic.Partitions()) }

// Join creates a consumer that joins a group. It does not wait for the brokers.
func (m *Consumers) Join(o Options) (*Consumer, error) {
	c := m.cluster
	consumer := &Consumer{
		options: o, opened: o.Topic.Partitions(), instance: instanceID(o.ClientID), metrics: c.Metrics, made: make(chan struct{}),
		log: c.Log.With("clientId", o.ClientID, "groupId", o.GroupID, "topic", o.Topic.Name),
	}
	consumer.lags, consumer.holding = m.lags, m.lags.begin(consumer)
	consumer.moving, consumer.later = make(turns, 1), m.later
	consumer.fetched = newFetched(&m.memory)
	if c.Settings.Rack == "" { // else partitions move between replicas, and franz-go ends no fetch for that
		consumer.fetched.whole = consumer.holdsAll
	}
	consumer.size = &fetchSize{update: consumer.fetchAtMost, fetched: consumer.fetched}
	ctx, abort := context.WithCancel(c.Life())
	options := append(consumer.clientOptions(c.Settings.Rack), kgo.WithContext(ctx), c.Through(consumer.fetched.through))
	client, err := kgo.NewClient(c.OptionsAs(metrics.ConsumerClient, o.Topic.Credentials, string(o.ClientID), options...)...)
	if err != nil {
		abort()
		m.lags.end(consumer.holding)
		return nil, fmt.Errorf("making a Kafka consumer: %w", err)
	}
	consumer.client, consumer.abort, consumer.admin = client, abort, kadm.NewClient(client)
	close(consumer.made)
	consumer.stopGrowth = consumer.followGrowth()
	c.Metrics.KafkaClients(metrics.ConsumerClient).Inc()
	return consumer, nil
}
