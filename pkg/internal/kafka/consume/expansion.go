package consume

import (
	"sync"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// recordCost is what franz-go holds of a fetched record besides its bytes.
	recordCost = int64(unsafe.Sizeof(kgo.Record{}) + unsafe.Sizeof((*kgo.Record)(nil)))
	// firstGrowth is by how much answers are taken to grow of which nothing is known.
	firstGrowth = 8
	// rememberedBytes is after how many bytes older answers count half.
	rememberedBytes = 4 << 20
)

// growth is how much memory answers to fetches take when they are read, beside their own length. It
// follows what has lately been read.
type growth struct {
	of *growth // what is asked where nothing is known; nil if nothing is

	mu          sync.Mutex // guards what follows
	wire, taken int64      // lengths of batches, and what they took
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

// expect returns how much an answer of a length is likely to take beside it.
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

// taken is what a batch takes when it is read, beside the answer that it came in.
func taken(batch kgo.FetchBatchMetrics) int64 {
	bytes := int64(batch.NumRecords) * recordCost
	if batch.CompressionType != 0 {
		bytes += int64(batch.UncompressedBytes)
	}
	return bytes
}
