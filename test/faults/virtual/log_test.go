//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
		for partition, end := range w.wanted() {
			if end > 0 && info.Commits[topic][partition].Offset != end {
				return false
			}
		}
	}
	return true
}

// targets are the positions at which groups have had all there is, while the ends are as they
// were.
type targets struct{ ends, positions map[int32]int64 }

// wanted returns the position after the last record of each partition that readers see.
func (w *world) wanted() map[int32]int64 {
	ends := w.ends()
	if !*inTransactions {
		return ends
	}
	if maps.Equal(w.targets.ends, ends) {
		return w.targets.positions
	}
	log, err := w.log()
	if err != nil {
		return ends // which nobody reaches
	}
	positions := make(map[int32]int64)
	for partition, records := range log {
		if len(records) > 0 {
			positions[partition] = records[len(records)-1].Offset + 1
		}
	}
	w.targets = targets{ends, positions}
	return positions
}

// log reads the topic from the brokers: what readers of committed records see.
func (w *world) log() (map[int32][]checker.Record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
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
	all := make(map[int32][]*kgo.Record)
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("reading the log: %d records are left: %w", left, ctx.Err())
		}
		for r := range fetches.RecordsAll() {
			left--
			all[r.Partition] = append(all[r.Partition], r)
		}
	}
	log := make(map[int32][]checker.Record)
	for partition, records := range all {
		log[partition] = committed(records)
	}
	return log, nil
}

// committed leaves out what was not committed: what has an abort marker behind it, or none.
func committed(records []*kgo.Record) (kept []checker.Record) {
	const commitMarker = 1 // the type in a marker's key
	verdicts := make(map[int64]bool)
	for _, r := range slices.Backward(records) {
		switch {
		case r.Attrs.IsControl():
			verdicts[r.ProducerID] = len(r.Key) == 4 && r.Key[3] == commitMarker
		case !r.Attrs.IsTransactional() || verdicts[r.ProducerID]:
			kept = append(kept, workload.Entry(r))
		}
	}
	slices.Reverse(kept)
	return kept
}
