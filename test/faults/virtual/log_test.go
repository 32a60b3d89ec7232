//go:build synctests

package virtual

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
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

// drained reports whether all groups have committed all records.
func (w *world) drained() bool { return w.behind() == "" }

// behind describes where groups have not committed all records.
func (w *world) behind() string {
	var b strings.Builder
	for _, group := range w.plan.groups() {
		var commits map[int32]kfake.GroupCommit
		if info := w.kafka.GroupInfo(group.name); info != nil {
			commits = info.Commits[topic]
		}
		for partition, end := range w.wanted() {
			if end > 0 && !w.isDone(partition, end, commits) {
				fmt.Fprintf(&b, "group %s is at %d/%d of %d; ", group.name, partition, commits[partition].Offset, end)
			}
		}
	}
	return b.String()
}

// isDone reports whether a group has committed all of a partition. It has no position to commit if it
// had none before and the log has lost all records.
func (w *world) isDone(partition int32, end int64, commits map[int32]kfake.GroupCommit) bool {
	commit, ok := commits[partition]
	if w.plan.family.name == "" {
		return commit.Offset == end
	}
	info := w.kafka.PartitionInfo(topic, partition)
	if !ok {
		return info.LogStartOffset == info.HighWatermark
	}
	return commit.Offset >= max(end, info.LogStartOffset) && commit.Offset <= info.HighWatermark
}

// targets are the positions at which groups have received all records, as long as the ends do not
// change.
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
		return ends // a position that no reader reaches
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

// outcome is the outcome of a record's transaction.
type outcome int

const (
	isCommitted outcome = iota // or of none
	isAborted
	isOpen
)

// outcomes returns the outcome of each record, from the markers that follow it.
func outcomes(records []*kgo.Record) map[*kgo.Record]outcome {
	const commitMarker = 1 // the type in a marker's key
	byProducer, all := make(map[int64]outcome), make(map[*kgo.Record]outcome)
	for _, r := range slices.Backward(records) {
		switch {
		case r.Attrs.IsControl():
			byProducer[r.ProducerID] = isAborted
			if len(r.Key) == 4 && r.Key[3] == commitMarker {
				byProducer[r.ProducerID] = isCommitted
			}
		case !r.Attrs.IsTransactional():
			all[r] = isCommitted
		default:
			all[r] = isOpen
			if f, ok := byProducer[r.ProducerID]; ok {
				all[r] = f
			}
		}
	}
	return all
}

// committed leaves out records that were not committed: an abort marker follows them, or none.
func committed(records []*kgo.Record) []checker.Record { return withOutcome(records, isCommitted) }

// unfinished are the records of transactions that have not ended.
func unfinished(records []*kgo.Record) []checker.Record { return withOutcome(records, isOpen) }

func withOutcome(records []*kgo.Record, wanted outcome) (kept []checker.Record) {
	all := outcomes(records)
	for _, r := range records {
		if outcome, ok := all[r]; ok && outcome == wanted {
			kept = append(kept, workload.Entry(r))
		}
	}
	return kept
}
