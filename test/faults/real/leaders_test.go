//go:build unix

package real

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// moveLeaders has each partition of the topic led by the broker so many further on.
func moveLeaders(ctx context.Context, admin *kadm.Client, by int32) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	leaders, err := leadersOf(ctx, admin, topic)
	if err != nil {
		return "", err
	}
	for partition, leader := range leaders {
		leaders[partition] = (leader-1+by)%kafka.ClusterSize + 1
	}
	if err := lead(ctx, admin, topic, leaders); err != nil {
		return "", err
	}
	return fmt.Sprintf("by %d brokers", by), nil
}

// leadApart has the only partition of a topic led by a broker that neither leads that of another topic nor is the one that Kafka
// prefers for that. It returns its id.
func leadApart(ctx context.Context, admin *kadm.Client, topic, from string) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, changeLimit)
	defer cancel()
	described, err := admin.ListTopics(ctx, topic, from)
	if err != nil {
		return 0, fmt.Errorf("asking for the leaders: %w", err)
	}
	own, other := described[topic].Partitions[0], described[from].Partitions[0]
	id := own.Leader
	for id < 1 || id == other.Leader || id == other.Replicas[0] {
		id = max(id, 0)%kafka.ClusterSize + 1
	}
	return id, lead(ctx, admin, topic, map[int32]int32{0: id})
}

// lead has each partition of a topic led by the given broker.
func lead(ctx context.Context, admin *kadm.Client, topic string, leaders map[int32]int32) error {
	var order kadm.AlterPartitionAssignmentsReq
	moved := make(kadm.TopicsSet)
	for partition, first := range leaders {
		order.Assign(topic, partition, []int32{first, first%kafka.ClusterSize + 1, (first+1)%kafka.ClusterSize + 1})
		moved.Add(topic, partition)
	}
	answers, err := admin.AlterPartitionAssignments(ctx, order)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return fmt.Errorf("changing the order of replicas: %w", err)
	}
	for !elected(ctx, admin, moved) { // the order is changed soon
		if !workload.Pause(ctx, askPause) {
			return fmt.Errorf("electing leaders: %w", ctx.Err())
		}
	}
	return nil
}

// elected tells whether all partitions are led by the first of their replicas now.
func elected(ctx context.Context, admin *kadm.Client, moved kadm.TopicsSet) bool {
	results, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, moved)
	if err != nil {
		return false
	}
	for _, partitions := range results {
		for _, e := range partitions {
			if e.Err != nil && !errors.Is(e.Err, kerr.ElectionNotNeeded) {
				return false
			}
		}
	}
	return true
}

// leadersOf returns the leader of each partition of a topic.
func leadersOf(ctx context.Context, admin *kadm.Client, topic string) (map[int32]int32, error) {
	described, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("asking for the leaders: %w", err)
	}
	leaders := make(map[int32]int32)
	for _, p := range described[topic].Partitions {
		leaders[p.Partition] = p.Leader
	}
	return leaders, nil
}

// isAlone tells whether a broker is the only one in sync with a partition of a topic that it leads.
func isAlone(ctx context.Context, admin *kadm.Client, topic string, broker int32) bool {
	described, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return false
	}
	for _, p := range described[topic].Partitions {
		if p.Leader == broker && len(p.ISR) == 1 {
			return true
		}
	}
	return false
}
