package consume

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// growthPause is the time between two metadata refreshes for partitions that the watcher has seen:
	// the consumer's broker may be behind the watcher's broker.
	growthPause = time.Second
	// growthLooks bounds the number of refreshes.
	growthLooks = 60
)

// followGrowth makes the consumer's client see new partitions as soon as the watcher of topics does.
// franz-go alone would see them when its metadata expires, minutes later. If the consumer leads its
// group, franz-go then starts a rebalance.
func (c *Consumer) followGrowth() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var looks cluster.Calls
	_ = looks.Run(func() { // the client's first metadata may be older than the topic's partition count
		cluster.Pause(ctx, growthPause)
		c.seeGrowth(ctx)
	})
	unfollow := c.options.Topic.Follow(cluster.Follower{
		Grown: func() { _ = looks.Run(func() { c.seeGrowth(ctx) }) }, // refused when the consumer is closed
		Ended: func() {},
	})
	return func() {
		unfollow()
		cancel()
		looks.Refuse()
		looks.Wait()
	}
}

// seeGrowth refreshes metadata until the client knows the newest partition.
func (c *Consumer) seeGrowth(ctx context.Context) {
	newest := c.options.Topic.Partitions() - 1
	for range growthLooks {
		if leader, _, _ := c.client.PartitionLeader(c.options.Topic.Name, newest); leader >= 0 || ctx.Err() != nil {
			return
		}
		c.client.ForceMetadataRefresh()
		cluster.Pause(ctx, growthPause)
	}
}

// leaders counts the brokers that lead the consumer's partitions, as far as its client knows.
func (c *Consumer) leaders() int {
	brokers := make(map[int32]struct{})
	for _, partition := range c.members.all() {
		if leader, _, _ := c.client.PartitionLeader(c.options.Topic.Name, partition); leader >= 0 {
			brokers[leader] = struct{}{}
		}
	}
	return len(brokers)
}
