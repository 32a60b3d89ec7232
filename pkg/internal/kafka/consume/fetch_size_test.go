package consume

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestFetchSize(t *testing.T) {
	const KiB, MiB = 1 << 10, 1 << 20
	batch := func(compressed, expanded int) kgo.FetchBatchMetrics {
		return kgo.FetchBatchMetrics{CompressedBytes: compressed, UncompressedBytes: expanded}
	}
	repeated := func(n int, b kgo.FetchBatchMetrics) (all []kgo.FetchBatchMetrics) {
		for range n {
			all = append(all, b)
		}
		return all
	}
	for name, test := range map[string]struct {
		batches     []kgo.FetchBatchMetrics
		least, most int32
	}{
		"not compressed":                  {repeated(3, batch(64*KiB, 64*KiB)), MiB, MiB},
		"became longer by compression":    {repeated(1, batch(100, 90)), MiB, MiB},
		"a tenth":                         {repeated(20, batch(10*KiB, 100*KiB)), 100 * KiB, 105 * KiB},
		"a thousandth":                    {repeated(1, batch(KiB, MiB)), fetchMinBytes, fetchMinBytes},
		"no bytes, of a batch of markers": {repeated(1, batch(0, 0)), MiB, MiB},
		"compressed, then not for a while": {
			append(repeated(3, batch(10*KiB, MiB)), repeated(60, batch(256*KiB, 256*KiB))...), MiB - 64*KiB, MiB,
		},
		"not compressed for long, then it is": {
			append(repeated(1000, batch(MiB, MiB)), repeated(4, batch(50*KiB, MiB))...), 64 * KiB, 256 * KiB,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var bytes, ofPartition int32
			size := &fetchSize{update: func(all, one int32) { bytes, ofPartition = all, one }, fetched: newFetched(new(memory))}
			for _, b := range test.batches {
				size.OnFetchBatchRead(kgo.BrokerMetadata{}, "t", 0, b)
			}
			if bytes < test.least || bytes > test.most || ofPartition != bytes {
				t.Errorf("the next fetch is of %d bytes, %d of a partition; want %d to %d", bytes, ofPartition, test.least, test.most)
			}
		})
	}
}

// TestFetchSizeIsShared has several brokers lead the partitions of a consumer: franz-go buffers a fetch
// of each broker.
func TestFetchSizeIsShared(t *testing.T) {
	for name, test := range map[string]struct {
		leaders int
		brokers []int32
		want    int32
	}{
		"one":             {1, []int32{0}, fetchMaxBytes},
		"not known":       {0, []int32{0}, fetchMaxBytes},
		"three":           {3, []int32{0}, fetchMaxBytes / 3},
		"one moved":       {1, []int32{0, 4}, fetchMaxBytes / 2},
		"very many":       {1000, []int32{0}, fetchMinBytes},
		"of the same two": {2, []int32{0, 4, 0}, fetchMaxBytes / 2},
	} {
		t.Run(name, func(t *testing.T) {
			var bytes int32
			size := &fetchSize{update: func(all, _ int32) { bytes = all }, fetched: newFetched(new(memory))}
			size.lead(test.leaders)
			for _, node := range test.brokers {
				size.OnFetchBatchRead(kgo.BrokerMetadata{NodeID: node}, "t", 0, kgo.FetchBatchMetrics{CompressedBytes: 100, UncompressedBytes: 100})
			}
			if bytes != test.want {
				t.Errorf("the next fetch is of %d bytes, want %d", bytes, test.want)
			}
		})
	}
}
