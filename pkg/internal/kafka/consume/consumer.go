package consume

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// OffsetReset says where a group starts in a partition without a valid committed offset.
type OffsetReset string

// The strategies of offset reset.
const (
	ResetEarliest OffsetReset = "earliest"
	ResetLatest   OffsetReset = "latest" // where the group begins, see the package
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
	opened   int32 // how many partitions the topic had when the consumer was made
	instance string
	made     chan struct{} // closed when client and admin are set: partitions may come before
	client   *kgo.Client
	abort    context.CancelFunc // ends what the client waits for
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
	moving     turns // taken while the ownership of partitions begins or ends

	// The poller's.
	trouble trouble
	headers []proxy.Header // of the last poll, reused
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
		options: o, opened: o.Topic.Partitions(), instance: instanceID(o.ClientID), metrics: c.Metrics, made: make(chan struct{}),
		log: c.Log.With("clientId", o.ClientID, "groupId", o.GroupID, "topic", o.Topic.Name),
	}
	consumer.lags, consumer.holding = m.lags, m.lags.begin(consumer)
	consumer.moving = make(turns, 1)
	consumer.fetched = newFetched(&m.memory)
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
