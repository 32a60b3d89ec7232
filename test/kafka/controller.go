package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Controller asks which broker leads the controllers. What metadata names as the controller is any broker, in KRaft.
func Controller(ctx context.Context, requestor kmsg.Requestor) (int32, error) {
	request := kmsg.NewPtrDescribeQuorumRequest()
	of := kmsg.NewDescribeQuorumRequestTopic()
	of.Topic = "__cluster_metadata"
	of.Partitions = append(of.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	request.Topics = append(request.Topics, of)
	answer, err := request.RequestWith(ctx, requestor)
	if err != nil {
		return 0, fmt.Errorf("asking for the controller: %w", err)
	}
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			return p.LeaderID, nil
		}
	}
	return 0, fmt.Errorf("asking for the controller: error %d", answer.ErrorCode)
}
