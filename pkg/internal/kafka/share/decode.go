package share

import (
	"cmp"
	"encoding/binary"
	"log/slog"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The layout of a record batch (Kafka message format v2).
const (
	batchLength    = 8  // where the length is that follows
	batchPrefix    = 12 // bytes before what the length counts
	batchMagic     = 16
	batchLastDelta = 23 // where the difference is between the last offset and the first one
	batchHeader    = 61
)

// decoder decodes what a fetch returns of partitions.
type decoder struct {
	decompressor kgo.Decompressor
	corrupt      func(offset int64, err error) // is told of batches that cannot be decoded
}

// decode returns what was acquired of a partition, in the order of offsets. Offsets within or before a batch that has no
// record of them are gaps: compaction has removed the record, or it is a control record. A record that cannot be
// decoded, or was not returned, is to be released: the number of its deliveries is bounded by Kafka.
func (d *decoder) decode(partition int32, raw []byte, ranges []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord) []acquired {
	var all []acquired
	for i := range ranges {
		for offset := ranges[i].FirstOffset; offset <= ranges[i].LastOffset; offset++ {
			all = append(all, acquired{offset: offset, count: int(ranges[i].DeliveryCount), refuse: release})
		}
	}
	slices.SortFunc(all, func(a, b acquired) int { return cmp.Compare(a.offset, b.offset) })
	from := 0 // of the first offset that is not decided yet
	for len(raw) >= batchHeader && from < len(all) {
		size := batchPrefix + int(int32(binary.BigEndian.Uint32(raw[batchLength:])))
		if size < batchHeader || size > len(raw) {
			break
		}
		one := raw[:size]
		raw = raw[size:]
		from = d.batch(partition, one, all, from)
	}
	return all
}

// batch decides about the offsets up to the last one of a batch, and returns the index of the next one.
func (d *decoder) batch(partition int32, raw []byte, all []acquired, from int) int {
	first := int64(binary.BigEndian.Uint64(raw))
	last := first
	if raw[batchMagic] >= 2 {
		last += int64(binary.BigEndian.Uint32(raw[batchLastDelta:]))
	}
	end := from
	for end < len(all) && all[end].offset <= last {
		all[end].refuse = gap
		end++
	}
	if end == from || all[end-1].offset < first {
		return end
	}
	answer := kmsg.NewFetchResponseTopicPartition()
	answer.Partition, answer.RecordBatches = partition, raw
	decoded, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: all[from].offset, Partition: partition}, &answer, d.decompressor, nil)
	if decoded.Err != nil {
		d.corrupt(first, decoded.Err)
		for i := from; i < end; i++ {
			all[i].refuse = release
		}
		return end
	}
	assign(all[from:end], decoded.Records)
	return end
}

// assign gives offsets their records. Both are in the order of their offsets.
func assign(offsets []acquired, records []*kgo.Record) {
	i := 0
	for _, r := range records {
		for i < len(offsets) && offsets[i].offset < r.Offset {
			i++
		}
		if i == len(offsets) {
			return
		}
		if offsets[i].offset == r.Offset {
			offsets[i].record = convert(r)
		}
	}
}

// convert copies a record: a batch is kept as long as one record of it, of which the member may have acquired few.
func convert(r *kgo.Record) *proxy.Record {
	one := &proxy.Record{
		Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Epoch: r.LeaderEpoch,
		Key: slices.Clone(r.Key), Value: slices.Clone(r.Value),
	}
	for _, header := range r.Headers {
		one.Headers = append(one.Headers, proxy.Header{Key: header.Key, Value: slices.Clone(header.Value)})
	}
	return one
}

// newDecoder returns a decoder with the client's bound on what a batch may expand to.
func newDecoder(client *kgo.Client, log *slog.Logger) decoder {
	d := decoder{corrupt: func(offset int64, err error) {
		log.Warn("a batch of a queue cannot be decoded and is released", "offset", offset, "err", err)
	}}
	d.decompressor, _ = client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	return d
}
