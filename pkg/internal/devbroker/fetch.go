package devbroker

import (
	"math"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchWithoutTotal has each fetch bounded by partition alone. Where the bound of all partitions
// together ends one, kfake leaves out which of its records are of aborted transactions, and a
// client that reads what is committed takes them all.
func fetchWithoutTotal(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if fetch, ok := r.(*kmsg.FetchRequest); ok {
			fetch.MaxBytes = math.MaxInt32
		}
		return nil, nil, false
	})
}
