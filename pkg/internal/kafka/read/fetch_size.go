package read

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// fetchFirstBytes is the size of the first fetch, when the expansion of batches is still unknown.
	fetchFirstBytes = 64 << 10
	// fetchMinBytes is the smallest size of a fetch.
	fetchMinBytes = 16 << 10
)

// fetchSize is a hook of a reader's client that limits what the client buffers to about most bytes. It asks each
// broker for its share of the number of compressed bytes that lately expanded to them.
type fetchSize struct {
	most  int64
	ready chan struct{} // closed when update is set: a batch may be read earlier

	update func(maxBytes, maxPartitionBytes int32)

	mu        sync.Mutex // guards what follows
	brokers   map[int32]struct{}
	expansion cluster.Expansion
}

func newFetchSize(most int64) *fetchSize {
	return &fetchSize{
		most: most, ready: make(chan struct{}), brokers: make(map[int32]struct{}), expansion: cluster.Expansion{Remembered: int(most)},
	}
}

// made sets how the size of the next fetches is changed.
func (f *fetchSize) made(update func(maxBytes, maxPartitionBytes int32)) {
	f.update = update
	close(f.ready)
}

// OnFetchBatchRead implements kgo.HookFetchBatchRead. It is called before the next fetch is sent.
func (f *fetchSize) OnFetchBatchRead(broker kgo.BrokerMetadata, _ string, _ int32, batch kgo.FetchBatchMetrics) {
	<-f.ready
	f.mu.Lock()
	defer f.mu.Unlock()
	f.brokers[broker.NodeID] = struct{}{}
	f.expansion.Read(batch)
	bytes := int32(max(fetchMinBytes, f.expansion.Compressed(f.most/int64(len(f.brokers)))))
	f.update(bytes, bytes)
}
