//go:build synctests

package virtual

import (
	"fmt"
	"math/rand/v2"
)

// trimAction has the log of a partition lose its beginning, as by retention.
func trimAction(r *rand.Rand, _ *plan) action {
	partition, share := r.Int32N(partitions), []float64{0.5, 0.9, 1}[r.IntN(3)]
	return action{
		name: fmt.Sprintf("%.0f %% of the records of partition %d are deleted", 100*share, partition),
		do:   func(w *world) { w.do(w.trim(partition, share)) },
	}
}

// trimAll has some partitions lose all records, and others most: groups that had not come so far must
// commit where they go on.
func (w *world) trimAll() {
	r := w.plan.random(730)
	for partition := range int32(partitions) {
		w.do(w.trim(partition, []float64{0.9, 1, 1}[r.IntN(3)]))
	}
}
