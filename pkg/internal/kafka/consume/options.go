package consume

import (
	"context"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

const (
	// metadataMaxAge is how long a consumer goes on without asking for metadata: connections that nobody uses
	// are closed after half a minute, so that each time costs one. The watcher tells of new partitions, and
	// of a leader that has moved a fetch does. It is the longest that franz-go takes.
	metadataMaxAge = time.Hour
	// heartbeatsPerSession is how many heartbeats a member may miss.
	heartbeatsPerSession = 5
	// rebalanceTimeout is how long the others of a group wait for a member that has partitions
	// to give: a client's last pong, a commit under way and the last commit take less.
	rebalanceTimeout = 20 * time.Second
	// decompressMaxBytes bounds what one batch may become: a few kilobytes of it can be gigabytes. It is
	// far more than a batch of the default max.message.bytes, 1 MiB, becomes of what people write. One that
	// is refused has cost five times as much: zstd's output grows by being copied.
	decompressMaxBytes = 16 << 20
	// decompressRatio is how far batches of a topic that takes larger ones may expand at least.
	decompressRatio = 8
	// offsetsByName is the last version of the requests that commit and fetch offsets which names topics
	// rather than giving their ids.
	offsetsByName = 9
)

// clientOptions are the options of the consumer's client, apart from those that all clients have.
func (c *Consumer) clientOptions(rack string) []kgo.Opt {
	options := append(c.groupOptions(), c.fetchOptions()...)
	if rack != "" {
		options = append(options, kgo.Rack(rack))
	}
	if c.options.Topic.ID() == [16]byte{} { // which would go out instead of the name
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
		kgo.BlockRebalanceOnPoll(), // for the moment that Poll takes, see there
		kgo.OnOffsetsFetched(func(_ context.Context, _ *kgo.Client, fetched *kmsg.OffsetFetchResponse) error {
			c.learnBegun(fetched)
			return nil
		}),
		kgo.AdjustFetchOffsetsFn(c.assigned),
		kgo.OnPartitionsRevoked(c.revoked),
		kgo.OnPartitionsLost(c.lost),
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
		kgo.FetchMaxBytes(fetchFirstBytes),
		kgo.FetchMaxPartitionBytes(fetchFirstBytes),
		kgo.MaxDecompressBatchBytes(decompressAtMost(o.Topic.BatchBytes())),
		kgo.DisableFetchSessions(), // with one topic they save nothing, and brokers have few of them
		kgo.WithHooks(c.size),
		kgo.KeepControlRecords(), // only to know how far the lag is none
	}
}

// decompressAtMost is how large a batch may become, given the largest that the topic takes.
func decompressAtMost(batchBytes int32) int {
	return int(min(max(decompressMaxBytes, decompressRatio*int64(batchBytes)), math.MaxInt32))
}

// byName is what versions of requests a consumer uses where brokers tell no ids of topics.
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

// offsets returns where partitions start that nothing else is known of, and where reading goes on once
// Kafka no longer knows the position: a new leader may not know the leader epoch of what was read, while
// the log is as it was. The strategy is for groups without a position and does not apply: the end would
// skip records, and the start would repeat the whole log. With a rewind, franz-go repeats the last
// record, with those of the same millisecond, and goes on, or goes on where the log ends if that is before.
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
