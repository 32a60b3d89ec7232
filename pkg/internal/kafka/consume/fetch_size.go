package consume

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// fetchMaxBytes bounds what a consumer buffers from all brokers together, and so the memory of a
	// slow client.
	fetchMaxBytes = 1 << 20
	// fetchFirstBytes is the size of the first fetch, when the expansion of batches is still unknown.
	fetchFirstBytes = 64 << 10
	// fetchMinBytes is the smallest size of a fetch. A fetch returns at least one whole batch.
	fetchMinBytes = 16 << 10
)

// fetchSize limits what a consumer buffers to about fetchMaxBytes, and to its share of the memory
// budget. franz-go buffers one fetch of each broker, and Kafka counts compressed bytes: 1 MiB of them
// can be 20 MiB of records. fetchSize is a hook of the consumer's client. It asks each broker for its
// share of the number of compressed bytes that lately expanded to fetchMaxBytes.
type fetchSize struct {
	update  func(maxBytes, maxPartitionBytes int32)
	fetched *fetched

	mu        sync.Mutex // guards what follows
	leaders   int        // of the partitions that the consumer holds
	brokers   map[int32]struct{}
	expansion cluster.Expansion
}

// lead notes how many brokers lead the partitions that the consumer holds.
func (f *fetchSize) lead(leaders int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaders, f.brokers = leaders, make(map[int32]struct{})
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead. It is called before the fetch counts as buffered,
// and so before the next fetch is sent.
func (f *fetchSize) OnFetchBatchRead(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	f.fetched.read(broker, batch)
	share := f.fetched.size()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.brokers == nil {
		f.brokers = make(map[int32]struct{})
	}
	f.brokers[broker.NodeID] = struct{}{}
	f.expansion.Remembered = fetchMaxBytes
	f.expansion.Read(batch)
	bytes := f.expansion.Compressed(min(fetchMaxBytes/int64(max(f.leaders, len(f.brokers))), share))
	asked := int32(max(fetchMinBytes, bytes))
	f.update(asked, asked)
}
