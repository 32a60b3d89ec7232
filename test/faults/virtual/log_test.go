//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// ends returns the offset after the last record of each partition.
func (w *world) ends() map[int32]int64 {
	ends := make(map[int32]int64)
	for _, p := range w.kafka.PartitionInfos(topic) {
		ends[p.Partition] = p.HighWatermark
	}
	return ends
}

// drained tells whether both groups have committed all there is.
func (w *world) drained() bool {
	for _, group := range []string{autoGroup, manualGroup} {
		info := w.kafka.GroupInfo(group)
		if info == nil {
			return false
		}
		for partition, end := range w.ends() {
			if end > 0 && info.Commits[topic][partition].Offset != end {
				return false
			}
		}
	}
	return true
}

// log reads the topic from the brokers.
func (w *world) log() (map[int32][]checker.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	left := int64(0)
	for _, end := range w.ends() {
		left += end
	}
	log := make(map[int32][]checker.Record)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the log: %d records are left: %w", left, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			left--
			log[r.Partition] = append(log[r.Partition], workload.Entry(r))
		}
	}
	return log, nil
}
