//go:build synctests

package virtual

import (
	"fmt"
	"math/rand/v2"
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
