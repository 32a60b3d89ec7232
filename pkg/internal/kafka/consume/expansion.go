package consume

import (
	"sync"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// recordCost is the memory that franz-go uses for a fetched record besides its bytes.
	recordCost = int64(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof((*kgo.Record)(nil)))
	// firstGrowth is the factor by which answers are assumed to grow before any batch was read.
	firstGrowth = 8
	// rememberedBytes is the number of bytes after which older answers count half.
	rememberedBytes = 4 << 20
)

// growth estimates how much memory answers to fetches need when they are read, in addition to their own
// length. It follows the batches that were read lately.
type growth struct {
	of *growth // is asked before any batch was read; nil if there is none

	mu          sync.Mutex // guards what follows
	wire, taken int64      // lengths of batches, and the memory that they needed
}

// read learns from a batch.
func (g *growth) read(wire, taken int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wire += wire
	g.taken += taken
	if g.wire > rememberedBytes {
		g.wire, g.taken = g.wire/2, g.taken/2
	}
}

// expect returns how much memory an answer of a length is likely to need in addition to it.
func (g *growth) expect(length int64) int64 {
	g.mu.Lock()
	wire, taken := g.wire, g.taken
	g.mu.Unlock()
	switch {
	case wire > 0:
		return int64(float64(length) * float64(taken) / float64(wire))
	case g.of != nil:
		return g.of.expect(length)
	default:
		return length * firstGrowth
	}
}

// taken returns the memory that a batch needs when it is read, in addition to the answer that contains
// it.
func taken(batch kgo.FetchBatchMetrics) int64 {
	bytes := int64(batch.NumRecords) * recordCost
	if batch.CompressionType != 0 {
		bytes += int64(batch.UncompressedBytes)
	}
	return bytes
}
