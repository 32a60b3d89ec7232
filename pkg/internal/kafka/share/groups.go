package share

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// MaxWindow is the largest window of a worker.
const MaxWindow = 1000

// Begin is where a share group begins in the partitions of its topics, and Isolation which of their records it has. Kafka
// keeps both as configurations of the group.
type (
	Begin     string
	Isolation string
)

// The values of Begin and Isolation, by the names that they have in Kafka. The empty value leaves the group's
// configuration as it is.
const (
	BeginEarliest   Begin     = "earliest"
	BeginLatest     Begin     = "latest"
	ReadUncommitted Isolation = "read_uncommitted"
	ReadCommitted   Isolation = "read_committed"
)

// Options are the parameters of a worker.
type Options struct {
	GroupID proxy.GroupID
	// Topic is what the worker wants records of, with its credentials: workers of a group with the same credentials
	// share a member of the group. The worker does not close it; it must stay open until the worker is closed.
	Topic  *cluster.Topic
	Window int         // most records that the worker holds, from 1 to MaxWindow
	Rate   *limit.Rate // of records; nil for none. It may be changed at any time
	// Begin and Isolation become the group's configuration if it does not exist yet.
	Begin     Begin
	Isolation Isolation
}

// Groups are the share groups of which this replica has members. It may be used by any number of goroutines.
type Groups struct {
	cluster *cluster.Cluster
}

// NewGroups returns Groups without members. Each has a Kafka client of its own.
func NewGroups(c *cluster.Cluster) *Groups { return &Groups{cluster: c} }

// Open makes a worker, and joins the group with the first one. It waits until Kafka has taken the member, within the time of
// ctx. The error is for the client: of proxy.KindQueuesUnsupported if the brokers have no share groups, of
// KindInvalidParameter if the group is of another kind, of KindNotAuthorized if an ACL is missing, of KindLimitReached if
// the group has as many members as Kafka allows, of KindOverloaded if Kafka has no room for the member's session, of
// KindShuttingDown after Close, and else of KindKafkaUnavailable.
func (g *Groups) Open(ctx context.Context, o Options) (*Worker, error) {
	return nil, proxy.Errorf(proxy.KindQueuesUnsupported, "Queues are not ready yet.")
}

// Close closes all workers and leaves all groups. What workers hold is released. It returns when that is done, or when ctx
// ends, and no further worker can be opened.
func (g *Groups) Close(ctx context.Context) {}
