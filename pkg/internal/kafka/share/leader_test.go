package share

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongALeaderMovesAwayAndBack has a record that one replica's worker holds accepted by another's, under a leader in between. The first
// one's acknowledgement, which Kafka would confirm, is not told to be done.
func TestLongALeaderMovesAwayAndBack(t *testing.T) {
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{Properties: map[string]string{
		"group.share.heartbeat.interval.ms": "15000", // at which the leaders are looked up
	}})
	r := newRig(t, strings.Split(brokers.Addr(), ",")...)
	r.replicas = 3
	r.create(r.topic, 1)
	r.write(0, "a")
	first := r.pod().open(1)
	first.wants("a")
	leader := r.leader()
	other := 1 + leader%kafka.ClusterSize
	second := r.pod().open(1)
	r.prefer(other)
	second.wants("a")
	second.settles(proxy.Accept)
	r.awaitNoLag()
	r.prefer(leader)
	r.write(0, "b")
	second.wants("b") // the leader has the group's state again
	s := first.settle(proxy.Accept, first.position(0))
	if s.Results[0].Result == proxy.SettleDone {
		t.Error("the acknowledgement is told to be done, and another worker has settled the record")
	}
}

func (r *rig) leader() int32 {
	r.Helper()
	topics, err := r.admin.ListTopics(kafkatest.Deadline(r), r.topic)
	if err != nil || topics.Error() != nil {
		r.Fatal(err, topics.Error())
	}
	return topics[r.topic].Partitions[0].Leader
}

// prefer has a broker lead the partition of the rig's topic.
func (r *rig) prefer(leader int32) {
	r.Helper()
	replicas := []int32{leader, 1 + leader%kafka.ClusterSize, 1 + (leader+1)%kafka.ClusterSize}
	var order kadm.AlterPartitionAssignmentsReq
	order.Assign(r.topic, 0, replicas)
	ctx := kafkatest.Deadline(r)
	if changed, err := r.admin.AlterPartitionAssignments(ctx, order); err != nil || changed.Error() != nil {
		r.Fatal(err, changed.Error())
	}
	var partition kadm.TopicsSet
	partition.Add(r.topic, 0)
	kafkatest.Await(r, "the leader to move", func() bool {
		_, err := r.admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, partition)
		return err == nil && r.leader() == leader
	})
}
