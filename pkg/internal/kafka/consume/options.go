package consume

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// metadataMaxAge is how long a consumer goes without a metadata refresh: unused connections are
	// closed after half a minute, so that each refresh costs a new one. The watcher announces new
	// partitions, and a fetch shows that a leader has moved. It is the longest age that franz-go
	// accepts.
	metadataMaxAge = time.Hour
	// heartbeatsPerSession is how many heartbeats a member may miss.
	heartbeatsPerSession = 5
	// rebalanceTimeout is how long the other members of a group wait for a member that must revoke
	// partitions: a client's last pong, a commit under way and the last commit take less.
	rebalanceTimeout = 20 * time.Second
	// offsetsByName is the last version of the requests that commit and fetch offsets which identifies
	// topics by name rather than by id.
	offsetsByName = 9
)

// clientOptions returns the options of the consumer's client, apart from those that all clients have.
func (c *Consumer) clientOptions(rack string) []kgo.Opt {
	options := append(c.groupOptions(), c.fetchOptions()...)
	if rack != "" {
		options = append(options, kgo.Rack(rack))
	}
	if c.options.Topic.ID() == [16]byte{} { // an empty id would be sent instead of the name
		options = append(options, kgo.MaxVersions(byName()))
	}
	return options
}

func (c *Consumer) groupOptions() []kgo.Opt {
	o := c.options
	return []kgo.Opt{
		kgo.ConsumerGroup(string(o.GroupID)),
		kgo.InstanceID(c.instance),
		kgo.Balancers(c.balancer()),
		kgo.SessionTimeout(o.SessionTimeout),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.HeartbeatInterval(min(3*time.Second, o.SessionTimeout/heartbeatsPerSession)),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(), // while Poll runs, see there
		kgo.OnOffsetsFetched(func(_ context.Context, _ *kgo.Client, fetched *kmsg.OffsetFetchResponse) error {
			c.learnBegun(fetched)
			return nil
		}),
		kgo.AdjustFetchOffsetsFn(c.assigned),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
		kgo.WithHooks(fencing{c}),
	}
}

func (c *Consumer) fetchOptions() []kgo.Opt {
	o := c.options
	start, reset := offsets(o.Reset)
	isolation := kgo.ReadUncommitted()
	if o.ReadCommitted {
		isolation = kgo.ReadCommitted()
	}
	return []kgo.Opt{
		kgo.MetadataMaxAge(metadataMaxAge),
		kgo.ConsumeTopics(o.Topic.Name),
		kgo.ConsumeStartOffset(start),
		kgo.ConsumeResetOffset(reset),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(c.fetched.memory.waits.usual), // see patience for longer ones
		kgo.FetchMaxBytes(fetchFirstBytes),
		kgo.FetchMaxPartitionBytes(fetchFirstBytes),
		kgo.MaxDecompressBatchBytes(cluster.DecompressAtMost(o.Topic.BatchBytes())),
		kgo.DisableFetchSessions(), // they save nothing with one topic, and brokers keep few of them
		kgo.WithHooks(c.size),
		kgo.KeepControlRecords(), // only to know when the lag is 0
	}
}

// byName returns the request versions that a consumer uses if brokers return no topic ids.
func byName() *kversion.Versions {
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.OffsetCommit), offsetsByName)
	versions.SetMaxKeyVersion(int16(kmsg.OffsetFetch), offsetsByName)
	return versions
}

func (c *Consumer) fetchAtMost(maxBytes, maxPartitionBytes int32) {
	<-c.made
	c.client.UpdateFetchMaxBytes(maxBytes, maxPartitionBytes)
}

// offsets returns where partitions start without further knowledge, and where reading continues once
// Kafka no longer knows the position: a new leader may not know the leader epoch of the last record,
// although the log is unchanged. The strategy is for groups without a position and does not apply here:
// the end would skip records, and the start would repeat the whole log. With a rewind, franz-go repeats
// the last record, with those of the same millisecond, and continues there, or at the end of the log if
// that is lower.
func offsets(reset OffsetReset) (start, out kgo.Offset) {
	switch reset {
	case ResetLatest:
		return kgo.NewOffset().AtEnd(), kgo.RewindOffset(0)
	case ResetNone:
		return kgo.NewOffset().AtCommitted(), kgo.NoResetOffset()
	default:
		return kgo.NewOffset().AtStart(), kgo.RewindOffset(0)
	}
}
