package app

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/table"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
)

const (
	// sessionsTable is the name of the table of sessions in logs and metrics.
	sessionsTable = "sessions"
	// leasesKept is the number of leases for which compaction leaves the records of sessions alone.
	leasesKept = 10
	// removalsKept is the number of leases for which the topic keeps the removal of a session. Each new
	// replica reads these, and one that was cut off for longer begins anew.
	removalsKept = 20
	// longestAppend bounds how long Kafka may take for a record of sessions, beside a third of the lease: a
	// handshake does not wait longer.
	longestAppend = 5 * time.Second
)

// openSessions starts this replica's part in the sessions, and opens their topic. ready returns why the
// topic cannot be read now, or nil.
func (a *App) openSessions(brokers *cluster.Cluster, m *metrics.Metrics) (all *session.Sessions, ready func() error, err error) {
	settings := &a.config.Sessions
	state := m.State(sessionsTable)
	log := &sessionsLog{opened: make(chan struct{})}
	sessions := session.New(session.Options{
		Server: a.config.Server.ID, Pool: poolOf(a.config), Lease: settings.Lease, Append: log.append,
		Log:      a.log.With("topic", settings.StateTopic),
		Claims:   func(kind session.Kind) prometheus.Gauge { return m.SessionClaims(string(kind)) },
		Conflict: m.SessionConflict,
		Skipped:  func(records int) { state.Skipped.Add(float64(records)) },
	})
	topic, err := table.Open(brokers, table.Options{
		Name: sessionsTable, Topic: settings.StateTopic, ReplicationFactor: settings.StateReplicationFactor,
		MinCompactionLag: leasesKept * settings.Lease, DeleteRetention: removalsKept * settings.Lease,
		LogAppendTime: true, AppendTimeout: min(settings.Lease/3, longestAppend), Handler: sessions,
	})
	if err != nil {
		sessions.Close()
		return nil, nil, fmt.Errorf("opening the topic of sessions: %w", err)
	}
	log.table = topic
	close(log.opened)
	a.onTearDown(func(ctx context.Context) {
		sessions.Close()
		topic.Close(ctx)
	})
	a.retire = sessions.Retire
	a.watchTable(topic, checkSessions, state, sessions.Ready)
	return sessions, topic.Ready, nil
}

// sessionsLog appends to the topic of sessions.
type sessionsLog struct {
	opened chan struct{} // closed when table is set
	table  *table.Table
}

// append implements session.Append.
func (l *sessionsLog) append(records []session.Record, done func(error)) {
	<-l.opened
	list := make([]table.Record, len(records))
	for i, r := range records {
		list[i] = table.Record{Key: []byte(r.Key), Value: r.Value}
	}
	l.table.Append(list, done)
}
