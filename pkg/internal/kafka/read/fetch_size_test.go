package read

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestFetchSize(t *testing.T) {
	t.Parallel()
	const KiB, MiB = 1 << 10, 1 << 20
	for name, test := range map[string]struct {
		compressed, expanded, brokers int
		want                          int32
	}{
		"not compressed": {64 * KiB, 64 * KiB, 1, MiB},
		"a quarter":      {64 * KiB, 256 * KiB, 1, MiB / 4},
		"of two brokers": {64 * KiB, 256 * KiB, 2, MiB / 8},
		"a thousandth":   {KiB, MiB, 1, fetchMinBytes},
		"no bytes":       {0, 0, 1, MiB},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bytes, ofPartition int32
			size := newFetchSize(MiB)
			size.made(func(all, one int32) { bytes, ofPartition = all, one })
			for broker := range int32(test.brokers) {
				size.OnFetchBatchRead(kgo.BrokerMetadata{NodeID: broker}, "t", 0, kgo.FetchBatchMetrics{
					CompressedBytes: test.compressed, UncompressedBytes: test.expanded,
				})
			}
			if bytes != test.want || ofPartition != test.want {
				t.Errorf("the next fetch is of %d bytes, %d of a partition; want %d", bytes, ofPartition, test.want)
			}
		})
	}
}
