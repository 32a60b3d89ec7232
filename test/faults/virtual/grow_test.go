//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// growAction adds partitions.
func growAction(r *rand.Rand, _ *plan) action {
	more := 1 + r.Int32N(partitions)
	return action{
		name: fmt.Sprintf("%d partitions are added", more),
		do:   func(w *world) { w.do(w.grow(more)) },
	}
}

// growTime is the time after which an added partition is read.
const growTime = 30 * time.Second

// tryGrowing adds partitions while healthy clients write and read: all records that are written to them
// must be read.
func (w *world) tryGrowing(*workload.Producer) {
	r := w.plan.random(720)
	w.among(func(ctx context.Context) {
		workload.Pause(ctx, joinTime)
		w.do(w.grow(1 + r.Int32N(partitions)))
		workload.Pause(ctx, growTime)
	})
}
