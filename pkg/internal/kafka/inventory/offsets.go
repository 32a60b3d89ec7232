package inventory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The timestamps that stand for the ends of a partition in a request for offsets.
const (
	atStart = -2
	atEnd   = -1
)

// Ends looks up the end offsets of partitions. Each broker tells those of the partitions that it leads: those
// of the silent ones are missing, as are those of partitions that do not exist or have no leader.
func (a *Inventory) Ends(ctx context.Context, partitions []proxy.PartitionID) (ends proxy.Offsets, silent []int32) {
	return a.offsetsAt(ctx, a.leaders(ctx, partitions), atEnd)
}

// At looks up the offset of the first record of each partition with a timestamp, in milliseconds since the
// epoch, that is not before ms. Where there is none it is the end offset. Missing ones are as for Ends.
func (a *Inventory) At(ctx context.Context, partitions []proxy.PartitionID, ms int64) (offsets proxy.Offsets, silent []int32) {
	led := a.leaders(ctx, partitions)
	offsets, silent = a.offsetsAt(ctx, led, ms)
	none := func(p proxy.PartitionID) bool { return offsets.Of(p) < 0 }
	if !slices.ContainsFunc(partitions, none) {
		return offsets, silent
	}
	ends, more := a.offsetsAt(ctx, led, atEnd)
	for p, offset := range offsets {
		if offset < 0 {
			offsets[p] = ends.Of(p)
		}
	}
	return offsets, inOrder(append(silent, more...))
}

// led are partitions by the brokers that lead them.
type led map[int32][]proxy.PartitionID

// leaders looks up the leaders of partitions. It leaves out those without one.
func (a *Inventory) leaders(ctx context.Context, partitions []proxy.PartitionID) led {
	wanted, topics := make(map[proxy.PartitionID]bool), make(map[string]bool)
	for _, p := range partitions {
		wanted[p], topics[p.Topic] = true, true
	}
	if len(wanted) == 0 {
		return nil
	}
	found, err := a.topicMetadata(ctx, slices.Collect(maps.Keys(topics)))
	if err != nil {
		return nil
	}
	by := make(led)
	for i := range found {
		for j := range found[i].Partitions {
			p := &found[i].Partitions[j]
			if id := (proxy.PartitionID{Topic: *found[i].Topic, Partition: p.Partition}); wanted[id] && p.Leader >= 0 {
				by[p.Leader] = append(by[p.Leader], id)
			}
		}
	}
	return by
}

// offsetsAt looks up the offset of each partition at a timestamp.
func (a *Inventory) offsetsAt(ctx context.Context, by led, timestamp int64) (offsets proxy.Offsets, silent []int32) {
	ctx, cancel := context.WithTimeout(ctx, shareTimeout)
	defer cancel()
	offsets = make(proxy.Offsets)
	var mu sync.Mutex
	var all sync.WaitGroup
	for leader, partitions := range by {
		all.Go(func() {
			found, err := a.offsetsOn(ctx, leader, partitions, timestamp)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				silent = append(silent, leader)
			}
			maps.Copy(offsets, found)
		})
	}
	all.Wait()
	return offsets, inOrder(silent)
}

// offsetsOn looks up offsets of partitions that one broker leads.
func (a *Inventory) offsetsOn(ctx context.Context, leader int32, partitions []proxy.PartitionID, timestamp int64) (proxy.Offsets, error) {
	answer, err := a.client.Broker(int(leader)).RetriableRequest(ctx, offsetsRequest(partitions, timestamp))
	if err != nil {
		return nil, err
	}
	list, ok := answer.(*kmsg.ListOffsetsResponse)
	if !ok {
		return nil, errors.New("the answer is another one than a list of offsets")
	}
	found := make(proxy.Offsets)
	for _, topic := range list.Topics {
		for _, p := range topic.Partitions {
			if kerr.ErrorForCode(p.ErrorCode) == nil {
				found[proxy.PartitionID{Topic: topic.Topic, Partition: p.Partition}] = p.Offset
			}
		}
	}
	return found, nil
}

func offsetsRequest(partitions []proxy.PartitionID, timestamp int64) *kmsg.ListOffsetsRequest {
	request, at := kmsg.NewPtrListOffsetsRequest(), make(map[string]int)
	request.ReplicaID = -1 // a client
	for _, p := range partitions {
		i, ok := at[p.Topic]
		if !ok {
			i = len(request.Topics)
			at[p.Topic] = i
			topic := kmsg.NewListOffsetsRequestTopic()
			topic.Topic = p.Topic
			request.Topics = append(request.Topics, topic)
		}
		partition := kmsg.NewListOffsetsRequestTopicPartition()
		partition.Partition, partition.Timestamp = p.Partition, timestamp
		request.Topics[i].Partitions = append(request.Topics[i].Partitions, partition)
	}
	return request
}

// inOrder sorts the ids of brokers, and removes those that are there twice.
func inOrder(ids []int32) []int32 {
	slices.Sort(ids)
	return slices.Compact(ids)
}
