package consume

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// fetchMaxBytes bounds what a consumer buffers per broker, and so what a slow client
	// costs.
	fetchMaxBytes = 1 << 20
	// fetchFirstBytes is what the first fetch asks for, when nothing is known of how far what
	// comes expands.
	fetchFirstBytes = 64 << 10
	// fetchMinBytes is the least that is asked for. A fetch brings a whole batch at least.
	fetchMinBytes = 16 << 10
)

// fetchSize keeps what a consumer buffers to about fetchMaxBytes, and to its share of the memory
// budget, where batches are compressed:
// Kafka counts compressed bytes, and 1 MiB of them can be 20 MiB of records. It is a hook of
// the consumer's client, and asks for as much as has lately become fetchMaxBytes.
type fetchSize struct {
	update  func(maxBytes, maxPartitionBytes int32)
	fetched *fetched

	mu                   sync.Mutex // guards what follows
	compressed, expanded int        // bytes of batches, of older ones less and less
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead. Batches are read before their fetch counts
// as buffered, and so before the next one is asked for.
func (f *fetchSize) OnFetchBatchRead(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	f.fetched.read(broker, batch)
	most := min(fetchMaxBytes, f.fetched.size())
	f.mu.Lock()
	defer f.mu.Unlock()
	f.compressed += batch.CompressedBytes
	f.expanded += batch.UncompressedBytes
	bytes := max(fetchMinBytes, most)
	if f.expanded > f.compressed {
		bytes = max(fetchMinBytes, int64(float64(most)*float64(f.compressed)/float64(f.expanded)))
	}
	if f.expanded > fetchMaxBytes {
		f.compressed, f.expanded = f.compressed/2, f.expanded/2
	}
	f.update(int32(bytes), int32(bytes))
}
