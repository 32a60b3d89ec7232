//go:build unix

package real

import (
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// scale starts one or two more replicas, and shuts them down after a while.
func (r *rig) scale() (string, error) {
	more, d := 1+r.random.IntN(2), r.between(2*time.Second, 8*time.Second)
	for len(r.further) < more {
		r.further = append(r.further, r.fleet.place(r.several.brokers.Addr()))
	}
	for _, i := range r.further[:more] {
		if err := r.fleet.start(i); err != nil {
			return "", err
		}
	}
	workload.Pause(r.t.Context(), d)
	for _, i := range r.further[:more] {
		if err := r.fleet.shutdown(i); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d more for %v", more, d), nil
}
