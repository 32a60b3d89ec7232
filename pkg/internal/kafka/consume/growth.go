package consume

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// growthPause is the time between two looks for partitions that the watcher has seen: the broker that
	// the consumer asks may be behind the one that the watcher has asked.
	growthPause = time.Second
	// growthLooks bounds how often is looked.
	growthLooks = 60
)

// followGrowth has the consumer's client see new partitions as soon as the watcher of topics does.
// franz-go would see them when its metadata is too old, minutes later. Where the consumer leads its
// group, franz-go has the group rebalance then.
func (c *Consumer) followGrowth() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var looks cluster.Calls
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

// leaders counts the brokers that lead a partition that the consumer holds, as far as its client knows.
func (c *Consumer) leaders() int {
	brokers := make(map[int32]struct{})
	for _, partition := range c.members.all() {
		if leader, _, _ := c.client.PartitionLeader(c.options.Topic.Name, partition); leader >= 0 {
			brokers[leader] = struct{}{}
		}
	}
	return len(brokers)
}
