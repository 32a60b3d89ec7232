//go:build synctests

package virtual

import (
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerErrors returns the errors with which brokers answer requests: temporary ones and final refusals.
func brokerErrors() map[kmsg.Key][]*kerr.Error {
	coordinator := []*kerr.Error{
		kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.GroupAuthorizationFailed,
		kerr.UnknownServerError,
	}
	member := append([]*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.RebalanceInProgress}, coordinator...)
	return map[kmsg.Key][]*kerr.Error{
		kmsg.Produce: {
			kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend,
			kerr.RequestTimedOut, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.CorruptMessage,
			kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.MessageTooLarge,
			kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
			kerr.PolicyViolation, kerr.ThrottlingQuotaExceeded, kerr.UnknownServerError,
		},
		kmsg.InitProducerID: {
			kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.ClusterAuthorizationFailed, kerr.UnknownServerError,
		},
		kmsg.EndTxn: {
			kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.ConcurrentTransactions,
			kerr.TransactionAbortable, kerr.InvalidTxnState, kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.UnknownServerError,
		},
		kmsg.Fetch: {
			kerr.NotLeaderForPartition, kerr.ReplicaNotAvailable, kerr.UnknownTopicOrPartition, kerr.UnknownTopicID,
			kerr.FencedLeaderEpoch, kerr.UnknownLeaderEpoch, kerr.KafkaStorageError, kerr.CorruptMessage,
			kerr.OffsetNotAvailable, kerr.OffsetOutOfRange, kerr.TopicAuthorizationFailed, kerr.UnknownServerError,
			kerr.FetchSessionIDNotFound, kerr.InvalidFetchSessionEpoch,
		},
		kmsg.ListOffsets: {
			kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.OffsetNotAvailable, kerr.UnknownLeaderEpoch,
			kerr.UnknownServerError,
		},
		kmsg.Metadata: {
			kerr.LeaderNotAvailable, kerr.UnknownTopicOrPartition, kerr.TopicAuthorizationFailed, kerr.UnknownServerError,
		},
		kmsg.FindCoordinator: coordinator,
		kmsg.OffsetFetch:     append([]*kerr.Error{kerr.UnstableOffsetCommit}, coordinator...),
		kmsg.OffsetCommit: append([]*kerr.Error{
			kerr.RequestTimedOut, kerr.OffsetMetadataTooLarge, kerr.InvalidCommitOffsetSize, kerr.UnknownTopicOrPartition,
		}, member...),
		kmsg.Heartbeat:       member,
		kmsg.JoinGroup:       append([]*kerr.Error{kerr.MemberIDRequired, kerr.InconsistentGroupProtocol}, member...),
		kmsg.SyncGroup:       member,
		kmsg.LeaveGroup:      coordinator,
		kmsg.DescribeConfigs: {kerr.TopicAuthorizationFailed, kerr.UnknownServerError},
	}
}

// beginsAnew reports whether a fault makes the Kafka client of a producer give up its producer id and
// sequence numbers, and restart with others. If the answer to the first attempt of a batch was lost, the
// broker then does not recognise the retry as a duplicate. Kafka itself answers so only after it has
// lost data or forgotten the producer (KIP-360).
func beginsAnew(fault kfake.Fault) bool {
	return slices.Contains(fault.Keys, kmsg.Produce) && slices.Contains([]*kerr.Error{
		kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch,
	}, fault.Err)
}

// leavesUnsure reports whether a fault is an answer to a batch that may have been written. The Kafka
// client retries such a batch, and does not report the first answer: if the retry is refused, the proxy
// passes on a refusal although the first attempt was written.
func leavesUnsure(fault kfake.Fault) bool {
	return slices.Contains(fault.Keys, kmsg.Produce) && slices.Contains([]*kerr.Error{
		kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend,
	}, fault.Err)
}

// anyFault chooses a request and the error of its answer; a request for data gets it for the topic only.
func anyFault(r *rand.Rand) kfake.Fault {
	table := brokerErrors()
	keys := []kmsg.Key{
		kmsg.Produce, kmsg.Produce, kmsg.Produce, kmsg.InitProducerID, kmsg.Fetch, kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata,
		kmsg.FindCoordinator, kmsg.OffsetFetch, kmsg.OffsetCommit, kmsg.OffsetCommit, kmsg.OffsetCommit, kmsg.Heartbeat,
		kmsg.JoinGroup, kmsg.SyncGroup, kmsg.LeaveGroup, kmsg.DescribeConfigs,
	}
	if *inTransactions {
		keys = append(keys, kmsg.EndTxn, kmsg.EndTxn, kmsg.EndTxn, kmsg.EndTxn)
	}
	key := keys[r.IntN(len(keys))]
	errors := table[key]
	return kfake.Fault{
		Keys: []kmsg.Key{key}, Err: errors[r.IntN(len(errors))], Count: 1 + r.IntN(6),
		TopLevel: r.IntN(8) == 0,
	}
}
