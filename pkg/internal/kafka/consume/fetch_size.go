package consume

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// fetchMaxBytes bounds what a consumer buffers of all brokers together, and so what a slow client
	// costs.
	fetchMaxBytes = 1 << 20
	// fetchFirstBytes is what the first fetch asks for, when nothing is known of how far what
	// comes expands.
	fetchFirstBytes = 64 << 10
	// fetchMinBytes is the least that is asked for. A fetch brings a whole batch at least.
	fetchMinBytes = 16 << 10
)

// fetchSize keeps what a consumer buffers to about fetchMaxBytes. franz-go buffers a fetch of each
// broker, and Kafka counts compressed bytes: 1 MiB of them can be 20 MiB of records. It is a hook of the
// consumer's client, and asks each broker for its share of as much as has lately become fetchMaxBytes.
type fetchSize struct {
	update func(maxBytes, maxPartitionBytes int32)

	mu                   sync.Mutex // guards what follows
	leaders              int        // of the partitions that are held
	brokers              map[int32]struct{}
	compressed, expanded int // bytes of batches, of older ones less and less
}

// lead notes how many brokers lead what is held.
func (f *fetchSize) lead(leaders int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaders, f.brokers = leaders, make(map[int32]struct{})
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead. Batches are read before their fetch counts
// as buffered, and so before the next one is asked for.
func (f *fetchSize) OnFetchBatchRead(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.brokers == nil {
		f.brokers = make(map[int32]struct{})
	}
	f.brokers[broker.NodeID] = struct{}{}
	f.compressed += batch.CompressedBytes
	f.expanded += batch.UncompressedBytes
	bytes := fetchMaxBytes / max(f.leaders, len(f.brokers))
	if f.expanded > f.compressed {
		bytes = int(float64(bytes) * float64(f.compressed) / float64(f.expanded))
	}
	if f.expanded > fetchMaxBytes {
		f.compressed, f.expanded = f.compressed/2, f.expanded/2
	}
	asked := int32(max(fetchMinBytes, bytes))
	f.update(asked, asked)
}
