//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokers is how many there are.
const brokers = 3

// queueAction is a fault that concerns queues above all.
func queueAction(r *rand.Rand, p *plan) action {
	replica := r.IntN(replicas)
	switch n := r.IntN(10); {
	case n < 3:
		return queueFaultAction(r)
	case n < 5:
		return queueMoveAction(r, p)
	case n < 7: // a lock ends while something is on its way
		d := between(r, p.queue.lock*8/10, p.queue.lock+5*time.Second/2)
		return action{name: fmt.Sprintf("the brokers are silent towards replica %d for %s", replica, d), do: func(w *world) { w.silence(replica, d) }}
	case n < 9:
		return queueRemakeAction(r, p)
	default:
		d := between(r, 0, 2*time.Second)
		return action{name: fmt.Sprintf("replica %d crashes and is back after %s", replica, d), do: func(w *world) {
			w.restart(replica, d, (*replicaApp).crash)
		}}
	}
}

// queueRemakeAction deletes the topic while workers hold records of it, and makes it again, mostly at once: then an acknowledgement of a record of
// the instance before finds one at the same offset.
func queueRemakeAction(r *rand.Rand, p *plan) action {
	gap, count := time.Duration(0), p.partitions
	if r.IntN(3) == 0 {
		gap = between(r, time.Millisecond, 20*time.Second)
	}
	if r.IntN(3) == 0 {
		count = 1 + r.Int32N(partitions)
	}
	return action{
		name: fmt.Sprintf("the topic is deleted, and made again with %d partitions after %s", count, gap),
		do:   func(w *world) { w.do(w.remake(w.ctx, gap, count)) },
	}
}

// queueErrors are the errors with which brokers answer the requests of share groups.
func queueErrors() map[kmsg.Key][]*kerr.Error {
	partition := []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.UnknownServerError,
		kerr.CoordinatorNotAvailable, kerr.FencedStateEpoch, kerr.TopicAuthorizationFailed,
	}
	session := []*kerr.Error{kerr.ShareSessionNotFound, kerr.InvalidShareSessionEpoch}
	return map[kmsg.Key][]*kerr.Error{
		kmsg.ShareFetch:       append(session, partition...),
		kmsg.ShareAcknowledge: append(append(session, kerr.InvalidRecordState), partition...),
		kmsg.ShareGroupHeartbeat: {
			kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownMemberID, kerr.FencedMemberEpoch,
			kerr.GroupAuthorizationFailed, kerr.UnknownServerError,
		},
		kmsg.FindCoordinator: {kerr.CoordinatorNotAvailable, kerr.UnknownServerError},
		kmsg.Metadata:        {kerr.LeaderNotAvailable, kerr.UnknownServerError},
	}
}

// queueFaultAction injects one of them.
func queueFaultAction(r *rand.Rand) action {
	keys := []kmsg.Key{kmsg.ShareFetch, kmsg.ShareFetch, kmsg.ShareAcknowledge, kmsg.ShareAcknowledge, kmsg.ShareGroupHeartbeat, kmsg.FindCoordinator, kmsg.Metadata}
	key := keys[r.IntN(len(keys))]
	errors := queueErrors()[key]
	fault := kfake.Fault{Keys: []kmsg.Key{key}, Err: errors[r.IntN(len(errors))], Count: 1 + r.IntN(8), TopLevel: r.IntN(4) == 0}
	if fault.Err == kerr.ShareSessionNotFound || fault.Err == kerr.InvalidShareSessionEpoch {
		fault.TopLevel = true
	}
	if r.IntN(3) > 0 {
		return action{
			name: fmt.Sprintf("%d requests %s get %s (top level: %v)", fault.Count, key.Name(), fault.Err.Message, fault.TopLevel),
			do:   func(w *world) { w.fault(fault) },
		}
	}
	d := between(r, 100*time.Millisecond, 6*time.Second)
	fault.Count = -1
	return action{
		name: fmt.Sprintf("requests %s get %s for %s (top level: %v)", key.Name(), fault.Err.Message, d, fault.TopLevel),
		do:   func(w *world) { w.faultFor(fault, d) },
	}
}

// queueMoveAction moves leaders or coordinators.
func queueMoveAction(r *rand.Rand, p *plan) action {
	partition, by := r.Int32N(p.partitions), 1+r.Int32N(brokers-1)
	switch r.IntN(4) {
	case 0:
		return action{name: fmt.Sprintf("all leaders move by %d brokers", by), do: func(w *world) {
			for partition := range p.partitions {
				w.do(w.moveLeader(partition, by))
			}
		}}
	case 1:
		return action{name: "the coordinators move", do: func(w *world) { w.kafka.RehashCoordinators() }}
	default:
		return action{name: fmt.Sprintf("partition %d moves by %d brokers", partition, by), do: func(w *world) {
			w.do(w.moveLeader(partition, by))
		}}
	}
}

// moveLeader moves a partition to another broker, which begins without locks as Kafka's do: the brokers in memory would keep them.
func (w *world) moveLeader(partition, by int32) error {
	before := w.kafka.LeaderFor(topic, partition)
	if before < 0 { // the topic is not there, or was made again with fewer partitions
		return nil
	}
	now := (before + by) % brokers
	if err := w.kafka.MoveTopicPartition(topic, partition, now); err != nil {
		return fmt.Errorf("moving a leader: %w", err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	w.topic.reading.Store(true)
	defer w.topic.reading.Store(false)
	elsewhere := brokers - before - now // it leads the partition neither before nor now
	for _, s := range w.queues.at(before) {
		if err := w.giveBack(client.Broker(int(elsewhere)), s, partition); err != nil {
			return fmt.Errorf("giving back what %s holds: %w", s.member, err)
		}
	}
	return nil
}

// giveBack gives back what was acquired of a partition through a session, by another one of the same member that has the partition.
func (w *world) giveBack(broker *kgo.Broker, s queueSession, partition int32) error {
	fetch := kmsg.NewPtrShareFetchRequest()
	fetch.GroupID, fetch.MemberID, fetch.MaxRecords, fetch.MaxBytes = &s.group, &s.member, 1, 1
	t, p := kmsg.NewShareFetchRequestTopic(), kmsg.NewShareFetchRequestTopicPartition()
	t.TopicID, p.Partition = w.kafka.TopicInfo(topic).TopicID, partition
	t.Partitions = append(t.Partitions, p)
	fetch.Topics = append(fetch.Topics, t)
	if err := answered(broker.Request(context.Background(), fetch)); err != nil {
		return err
	}
	end := kmsg.NewPtrShareAcknowledgeRequest()
	end.GroupID, end.MemberID, end.ShareSessionEpoch = &s.group, &s.member, -1
	return answered(broker.Request(context.Background(), end))
}

// answered returns the error of an answer.
func answered(answer kmsg.Response, err error) error {
	if err != nil {
		return err //nolint:wrapcheck // the caller does
	}
	switch a := answer.(type) {
	case *kmsg.ShareFetchResponse:
		return kerr.ErrorForCode(a.ErrorCode)
	case *kmsg.ShareAcknowledgeResponse:
		return kerr.ErrorForCode(a.ErrorCode)
	default:
		return nil
	}
}
