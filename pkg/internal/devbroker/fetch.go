package devbroker

import (
	"math"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchWithoutTotal removes the total limit of each fetch, so that only the limit of each partition
// applies. Where the total limit cuts a fetch, kfake omits which of its records belong to aborted
// transactions, and a read_committed consumer then accepts them all.
func fetchWithoutTotal(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if fetch, ok := r.(*kmsg.FetchRequest); ok {
			fetch.MaxBytes = math.MaxInt32
		}
		return nil, nil, false
	})
}
