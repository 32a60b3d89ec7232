package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestCluster kills a broker. [TestLongCluster] also starts it again, and pauses and stops others.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := newClusterRig(t)
	c.killLeader(t)
	c.end(t)
}

// TestLongCluster is one test because each start takes seconds.
func TestLongCluster(t *testing.T) {
	c := newClusterRig(t)
	t.Run("a broker is killed", func(t *testing.T) {
		killed := c.killLeader(t)
		ctx := deadline(t)
		must(t, c.Node(killed).Restart(ctx))
		until(ctx, t, func() bool { return inSync(ctx, t, c.admin, c.topic) == ClusterSize })
	})
	t.Run("a broker is paused", func(t *testing.T) {
		ctx := deadline(t)
		paused := leaderOf(ctx, t, c.admin, c.topic)
		must(t, c.Node(paused).Pause())
		others := adminOf(t, c.Node(paused%ClusterSize+1).Addr())
		until(ctx, t, func() bool { return leaderOf(ctx, t, others, c.topic) != paused })
		must(t, c.Node(paused).Resume())
		until(ctx, t, func() bool { return inSync(ctx, t, c.admin, c.topic) == ClusterSize })
	})
	t.Run("a broker is stopped", func(t *testing.T) {
		ctx := deadline(t)
		must(t, c.Node(leaderOf(ctx, t, c.admin, c.topic)).Stop())
		c.writes(ctx, t, 100)
	})
	c.end(t)
}

// clusterRig is a cluster with a topic that lies on all brokers, and a client that writes to it.
type clusterRig struct {
	*Cluster
	*producing
	admin *kadm.Client
	topic string
}

func newClusterRig(t *testing.T) *clusterRig {
	t.Helper()
	c := RequireOwnCluster(t, ClusterOptions{Properties: map[string]string{"message.max.bytes": "123456"}})
	admin := adminOf(t, c.Addr())
	topic := replicated(deadline(t), t, admin)
	return &clusterRig{c, startProducing(t, c, topic), admin, topic}
}

// killLeader kills the topic's leader between two records, and returns which broker it was.
func (c *clusterRig) killLeader(t *testing.T) int32 {
	t.Helper()
	ctx := deadline(t)
	leader := leaderOf(ctx, t, c.admin, c.topic)
	c.writes(ctx, t, 100)
	must(t, c.Node(leader).Kill())
	c.writes(ctx, t, 200)
	if now := leaderOf(ctx, t, c.admin, c.topic); now == leader {
		t.Errorf("broker %d leads the topic, and was killed", leader)
	}
	return leader
}

// end compares what is in the topic with what was written, and closes the cluster.
func (c *clusterRig) end(t *testing.T) {
	t.Helper()
	checkRecords(deadline(t), t, c.Addr(), c.topic, c.written...)
	must(t, c.Close())
	for _, b := range c.brokers {
		if b.PID() != 0 || exists(b.run.path) {
			t.Errorf("Close left process %d, %s", b.PID(), b.run.path)
		}
	}
}

// producing is a client that writes numbers, each acknowledged by all replicas that are in sync.
type producing struct {
	client  *kgo.Client
	written []string
}

func startProducing(t *testing.T, c *Cluster, topic string) *producing {
	t.Helper()
	client, err := kgo.NewClient(seeds(c.Addr()), kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()))
	must(t, err)
	t.Cleanup(client.Close)
	return &producing{client: client}
}

// writes writes n records, one after the other, and logs the longest wait.
func (p *producing) writes(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	var slowest time.Duration
	for range n {
		value := fmt.Sprint(len(p.written))
		began := time.Now()
		must(t, p.client.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr())
		slowest = max(slowest, time.Since(began))
		p.written = append(p.written, value)
	}
	t.Logf("%d records, the slowest after %v", n, slowest.Round(time.Millisecond))
}

// replicated makes a topic of one partition that lies on all brokers.
func replicated(ctx context.Context, t *testing.T, admin *kadm.Client) string {
	t.Helper()
	topic := fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano())
	_, err := admin.CreateTopic(ctx, 1, -1, nil, topic)
	must(t, err)
	until(ctx, t, func() bool { return inSync(ctx, t, admin, topic) == ClusterSize })
	return topic
}

// partitionOf returns what Kafka says of a topic's only partition, which is nothing while no broker
// answers.
func partitionOf(ctx context.Context, t *testing.T, admin *kadm.Client, topic string) kadm.PartitionDetail {
	t.Helper()
	topics, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return kadm.PartitionDetail{Leader: -1}
	}
	return topics[topic].Partitions[0]
}

func leaderOf(ctx context.Context, t *testing.T, admin *kadm.Client, topic string) (leader int32) {
	t.Helper()
	until(ctx, t, func() bool {
		leader = partitionOf(ctx, t, admin, topic).Leader
		return leader >= nodeID
	})
	return leader
}

func inSync(ctx context.Context, t *testing.T, admin *kadm.Client, topic string) int {
	t.Helper()
	return len(partitionOf(ctx, t, admin, topic).ISR)
}
