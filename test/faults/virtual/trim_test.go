//go:build synctests

package virtual

import (
	"fmt"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// trimAction removes the beginning of a partition's log, like retention.
func trimAction(r *rand.Rand, _ *plan) action {
	partition, share := r.Int32N(partitions), []float64{0.5, 0.9, 1}[r.IntN(3)]
	return action{
		name: fmt.Sprintf("%.0f %% of the records of partition %d are deleted", 100*share, partition),
		do:   func(w *world) { w.do(w.trim(partition, share)) },
	}
}

// trimAll removes all records of some partitions, and most records of others: groups that had not read
// as far must commit the positions at which they continue.
func (w *world) trimAll() {
	r := w.plan.random(730)
	for partition := range int32(partitions) {
		w.do(w.trim(partition, []float64{0.9, 1, 1}[r.IntN(3)]))
	}
}

// endEpochsOfEmptyLogs has brokers tell of earlier epochs that they end where the log does, in partitions that have lost all
// records once. Of a log without records Apache Kafka tells so, as a test of the package that reads logs shows; kfake
// tells that they end at offset 0, as if all had been truncated.
func (w *world) endEpochsOfEmptyLogs() {
	w.kafka.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if request, ok := r.(*kmsg.OffsetForLeaderEpochRequest); ok {
			w.endEpochs(request)
		}
		return nil, nil, false
	})
}

// endEpochs asks about the present epoch instead, which ends with the log.
func (w *world) endEpochs(request *kmsg.OffsetForLeaderEpochRequest) {
	w.topic.mu.Lock()
	defer w.topic.mu.Unlock()
	for i := range request.Topics {
		if request.Topics[i].Topic != topic {
			continue
		}
		for j := range request.Topics[i].Partitions {
			if p := &request.Topics[i].Partitions[j]; w.topic.empty[p.Partition] && p.CurrentLeaderEpoch >= 0 {
				p.LeaderEpoch = p.CurrentLeaderEpoch
			}
		}
	}
}
