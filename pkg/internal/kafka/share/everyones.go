package share

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

var errOtherGroups = errors.New("the answer is about other groups")

// everyones returns the partitions that are assigned to any member of the group. The member acquires records of all of them: where there are
// fewer members than partitions, Kafka assigns each partition to one member, and what a replica held that died would wait until Kafka removes
// its member, which takes 45 s by default. It would also leave workers without records of the other replicas' partitions. Brokers give records
// to any member that asks. A partition that is assigned to nobody is not part of the group yet.
func (m *member) everyones(ctx context.Context) (map[[16]byte][]int32, error) {
	group, err := m.describe(ctx)
	if err == nil {
		err = kerr.ErrorForCode(group.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("asking for the assignments of the group: %w", err)
	}
	known := make(map[partitionID]bool)
	all := make(map[[16]byte][]int32)
	for i := range group.Members {
		for _, t := range group.Members[i].Assignment.TopicPartitions {
			for _, partition := range t.Partitions {
				if id := (partitionID{t.TopicID, partition}); !known[id] {
					known[id] = true
					all[t.TopicID] = append(all[t.TopicID], partition)
				}
			}
		}
	}
	return all, nil
}

// describe asks the coordinator for the group.
func (m *member) describe(ctx context.Context) (group kmsg.ShareGroupDescribeResponseGroup, err error) {
	request := kmsg.NewPtrShareGroupDescribeRequest()
	request.GroupIDs = []string{string(m.key.group)}
	answer, err := cluster.AskCoordinator[*kmsg.ShareGroupDescribeResponse](ctx, m.client, m.key.group, request)
	if err == nil && len(answer.Groups) != 1 {
		err = errOtherGroups
	}
	if err != nil {
		return group, err //nolint:wrapcheck // its callers tell what was done
	}
	return answer.Groups[0], nil
}
