package cluster

import (
	"math"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// decompressMaxBytes bounds the size of one decompressed batch: a few kilobytes can expand to
	// gigabytes. It is far more than a batch of the default max.message.bytes, 1 MiB, usually expands
	// to. A batch that is refused has cost five times as much memory: zstd's output grows by being
	// copied.
	decompressMaxBytes = 16 << 20
	// decompressRatio is the least expansion that is allowed for batches of a topic that accepts larger
	// ones.
	decompressRatio = 8
)

// DecompressAtMost returns the largest size of a decompressed batch, given the largest batch that the
// topic accepts.
func DecompressAtMost(batchBytes int32) int {
	return int(min(max(decompressMaxBytes, decompressRatio*int64(batchBytes)), math.MaxInt32))
}

// Expansion estimates how far fetches expand when they are decompressed, from the batches that were read
// lately. It is used under a lock.
type Expansion struct {
	Remembered           int // expanded bytes after which older batches count half
	compressed, expanded int // bytes of batches
}

// Read learns from a batch.
func (e *Expansion) Read(batch kgo.FetchBatchMetrics) {
	if e.expanded > e.Remembered {
		e.compressed, e.expanded = e.compressed/2, e.expanded/2
	}
	e.compressed += batch.CompressedBytes
	e.expanded += batch.UncompressedBytes
}

// Compressed returns how many compressed bytes are likely to expand to a number of bytes.
func (e *Expansion) Compressed(bytes int64) int64 {
	if e.expanded > e.compressed {
		return int64(float64(bytes) * float64(e.compressed) / float64(e.expanded))
	}
	return bytes
}

// Headers is the list of the headers of a poll's records: one for all of them, which is used again. If it
// is reallocated, earlier records keep the old one.
type Headers struct{ list []proxy.Header }

// Clear forgets the headers of the last poll: they would keep their whole fetch.
func (h *Headers) Clear() {
	clear(h.list[:cap(h.list)])
	h.list = h.list[:0]
}

// Convert copies the headers of a record into the list.
func (h *Headers) Convert(headers []kgo.RecordHeader) []proxy.Header {
	if len(headers) == 0 {
		return nil
	}
	from := len(h.list)
	for _, header := range headers {
		h.list = append(h.list, proxy.Header(header))
	}
	return h.list[from:len(h.list):len(h.list)]
}
