package table

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// tableFetchBytes bounds one answer, and with it the memory of a replay.
	tableFetchBytes = 8 << 20
	// tableFetchWaitMillis is how long Kafka waits for the next record. The next fetch shows that a
	// topic was deleted or truncated.
	tableFetchWaitMillis = 500
	// emptyFetchesAtEnd is the number of empty answers after which the log is assumed to end in offsets
	// without records: compaction and recovery can leave an empty active segment.
	emptyFetchesAtEnd = 3
	// batchPrefix is the common prefix of Kafka's batches in all formats: the base offset, the length
	// after it, four bytes, and the format.
	batchPrefix = 17
)

// fetch fetches the next records and passes them to the handler.
func (r *tableReader) fetch(ctx context.Context) error {
	answer, err := cluster.Ask[*kmsg.FetchResponse](ctx, r.table.client.Broker(int(r.place.leader)), r.request())
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err == nil && (len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1) {
		err = errors.New("the answer is about other partitions")
	}
	if err == nil {
		err = r.take(&answer.Topics[0].Partitions[0], answer.ThrottleMillis > 0)
	}
	if err != nil {
		r.located = false
		return fmt.Errorf("fetching from offset %d: %w", r.next, err)
	}
	return nil
}

func (r *tableReader) request() *kmsg.FetchRequest {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.CurrentLeaderEpoch, partition.LastFetchedEpoch = r.place.epoch, r.epoch
	partition.FetchOffset, partition.PartitionMaxBytes = r.next, tableFetchBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = r.table.options.Topic, r.place.id
	topic.Partitions = []kmsg.FetchRequestTopicPartition{partition}
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes, request.MaxBytes = 1, tableFetchBytes
	if r.end >= 0 { // the first answer must return the end, also of an empty log
		request.MaxWaitMillis = tableFetchWaitMillis
	}
	request.Topics = []kmsg.FetchRequestTopic{topic}
	return request
}

// take handles the answer to a fetch.
func (r *tableReader) take(p *kmsg.FetchResponseTopicPartition, throttled bool) error {
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		if errors.Is(err, kerr.OffsetOutOfRange) {
			r.lose("topic %s was truncated: offset %d is out of its range", r.table.options.Topic, r.next)
			return errTableLost
		}
		return err
	}
	if r.table.away.answer(time.Now()) {
		r.lose("topic %s was not read for longer than it keeps tombstones", r.table.options.Topic)
		return errTableLost
	}
	if r.truncated(p) {
		return errTableLost
	}
	if r.end < 0 {
		r.end = p.HighWatermark
	}
	err := r.read(p)
	if err == nil && r.table.state.progress(r.next, p.HighWatermark) {
		r.table.log.Info("following the topic continues", "offset", r.next)
	}
	r.empty++
	if throttled || len(p.RecordBatches) > 0 {
		r.empty = 0
	}
	if !r.complete && (r.next >= r.end || r.empty >= emptyFetchesAtEnd) {
		r.complete = true
		r.handler.CaughtUp()
		r.table.state.caughtUp()
	}
	return err
}

// truncated reports whether the log lost records that were read from it, and ends the replay in that
// case.
func (r *tableReader) truncated(p *kmsg.FetchResponseTopicPartition) bool {
	topic := r.table.options.Topic
	switch {
	case p.DivergingEpoch.EndOffset >= 0:
		r.lose("topic %s was truncated to offset %d, and had been read up to %d", topic, p.DivergingEpoch.EndOffset, r.next)
	case p.LogStartOffset > r.start: // compaction does not move it
		r.lose("the records of topic %s before offset %d were deleted", topic, p.LogStartOffset)
	default:
		return false
	}
	return true
}

// read passes the records of an answer to the handler, up to the first that cannot be decoded.
func (r *tableReader) read(p *kmsg.FetchResponseTopicPartition) error {
	options := kgo.ProcessFetchPartitionOpts{Offset: r.next, KeepControlRecords: false}
	fetched, next := kgo.ProcessFetchPartition(options, p, r.table.decode, nil)
	for _, record := range fetched.Records {
		r.handler.Read(record.Offset, record.Timestamp, record.Key, record.Value)
	}
	progress := next > r.next
	r.epoch, r.next = lastEpoch(p.RecordBatches, next, r.epoch), next
	if fetched.Err != nil || len(p.RecordBatches) > 0 && !progress {
		return errors.Join(errTableUndecodable, fetched.Err)
	}
	return nil
}

// lastEpoch returns the leader epoch of the last batch that begins before an offset, or otherwise if
// there is none. Batches without records count too: if the offset belongs to one, the epoch must be of
// the same batch.
func lastEpoch(batches []byte, before int64, otherwise int32) int32 {
	epoch := otherwise
	for len(batches) >= batchPrefix {
		first := int64(binary.BigEndian.Uint64(batches))
		size := 12 + int64(int32(binary.BigEndian.Uint32(batches[8:])))
		if first >= before || size < batchPrefix || size > int64(len(batches)) {
			break
		}
		if batches[16] == 2 { // older formats have no epoch
			epoch = int32(binary.BigEndian.Uint32(batches[12:]))
		}
		batches = batches[size:]
	}
	return epoch
}
