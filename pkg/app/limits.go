package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/table"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

const (
	// limitsTable is the name of the table of limits in logs and metrics.
	limitsTable = "limits"
	// tableProbeInterval is how often the readiness of a table is checked, which costs nothing.
	tableProbeInterval = 200 * time.Millisecond
)

// readLimits reads the file of static limits. The error is a *ConfigError.
func readLimits(settings *config.Config) (clientcfg.Static, error) {
	path := settings.Sessions.ClientLimitsFile
	if path == "" {
		return clientcfg.Static{}, nil
	}
	static, err := clientcfg.ReadFile(path)
	if err != nil {
		return clientcfg.Static{}, &ConfigError{fmt.Errorf("%sCLIENT_LIMITS_FILE: %w", config.Prefix, err)}
	}
	return static, nil
}

// openLimits returns the limits of clients. Where they can be changed at run time, they follow
// the topic, and the writer is not nil.
func (a *App) openLimits(brokers *cluster.Cluster, static clientcfg.Static, m *metrics.Metrics) (*clientcfg.Table, *clientcfg.Writer, error) {
	o, sessions := a.limitsOptions(static), &a.config.Sessions
	if !sessions.DynamicConfigHandlerEnabled {
		return clientcfg.New(o), nil, nil
	}
	state := m.State(limitsTable)
	o.Dynamic, o.Skipped = true, a.skipper(state, sessions.DynamicConfigTopicName)
	limits := clientcfg.New(o)
	topic, err := table.Open(brokers, table.Options{
		Name: limitsTable, Topic: sessions.DynamicConfigTopicName,
		ReplicationFactor: sessions.DynamicConfigReplicationFactor, Handler: limits,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("opening the topic of limits: %w", err)
	}
	a.onTearDown(topic.Close)
	a.watchTable(topic, checkLimits, state, nil)
	return limits, clientcfg.NewWriter(limits, limitsLog{topic}), nil
}

func (a *App) limitsOptions(static clientcfg.Static) clientcfg.Options {
	consumers, producers := &a.config.Consumers, &a.config.Producers
	return clientcfg.Options{
		Static: static,
		Consumers: clientcfg.Limits{
			MaxConnections:    consumers.DefaultMaxClientConnections,
			MessagesPerSecond: consumers.RateLimitDefaultMessagesPerSec,
			BatchSize:         consumers.DefaultBatchSize,
		},
		Producers: clientcfg.Limits{
			MaxConnections:    producers.DefaultMaxClientConnections,
			MessagesPerSecond: producers.RateLimitDefaultMessagesPerSec,
		},
	}
}

// skipper returns the function that counts unreadable records. It logs only the first: there may be many.
func (a *App) skipper(state *metrics.State, topic string) func() {
	var first sync.Once
	return func() {
		state.Skipped.Inc()
		first.Do(func() {
			a.log.Warn("skipped a record of a state topic that cannot be read; further ones are only counted", "topic", topic)
		})
	}
}

// behind is the result of a table's check that cannot be read now, and was read to its end before. Such
// a replica stays ready: the leader of one partition would otherwise decide for all replicas at once,
// and also for clients who need nothing of the table.
const behind = health.Tolerable("behind")

// watchTable keeps the readiness check of a table up to date, and ends the proxy when its topic
// cannot be used. more, which may be nil, is a further condition.
func (a *App) watchTable(t *table.Table, check string, state *metrics.State, more func() error) {
	a.background(func(ctx context.Context) {
		read := false
		a.checks.Probe(ctx, check, tableProbeInterval, probeTimeout, func(context.Context) error {
			state.Lag.Set(float64(t.Lag()))
			err := t.Ready()
			if err == nil && more != nil {
				err = more()
			}
			read = read || err == nil
			if err != nil && read {
				return behind
			}
			return err
		})
	})
	a.background(func(ctx context.Context) {
		select {
		case err := <-t.Failed():
			a.failed <- err
		case <-ctx.Done():
		}
	})
}

// limitsLog appends to the topic of limits.
type limitsLog struct{ table *table.Table }

// Append implements clientcfg.Log.
func (l limitsLog) Append(records []clientcfg.Record, done func(error)) {
	list := make([]table.Record, len(records))
	for i, r := range records {
		list[i] = table.Record{Key: r.Key, Value: r.Value}
	}
	l.table.Append(list, func(err error) {
		if table.IsRefused(err) {
			err = fmt.Errorf("%w: %w", clientcfg.ErrNotAppended, err)
		}
		done(err)
	})
}
