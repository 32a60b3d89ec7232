//go:build unix

package real

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"

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
	var order kadm.AlterPartitionAssignmentsReq
	moved := make(kadm.TopicsSet)
	for partition, leader := range leaders {
		first := (leader-1+by)%kafka.ClusterSize + 1
		order.Assign(topic, partition, []int32{first, first%kafka.ClusterSize + 1, (first+1)%kafka.ClusterSize + 1})
		moved.Add(topic, partition)
	}
	answers, err := admin.AlterPartitionAssignments(ctx, order)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return "", fmt.Errorf("changing the order of replicas: %w", err)
	}
	for !elected(ctx, admin, moved) { // the order is changed soon
		if !workload.Pause(ctx, askPause) {
			return "", fmt.Errorf("electing leaders: %w", ctx.Err())
		}
	}
	return fmt.Sprintf("by %d brokers", by), nil
}

// elected tells whether all partitions are led by the first of their replicas now.
func elected(ctx context.Context, admin *kadm.Client, moved kadm.TopicsSet) bool {
	results, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, moved)
	if err != nil {
		return false
	}
	for _, partitions := range results {
		for _, e := range partitions {
			if e.Err != nil {
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
