package table

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// earliestOffset is the timestamp that stands for the first offset.
const earliestOffset = -2

var (
	errTableLost        = errors.New("the log no longer contains the records that were read")
	errTableUndecodable = errors.New("the log cannot be decoded")
)

// tableReader reads a table's topic. It is used by one goroutine. It sends its own fetches instead of
// using kgo's consumer: each fetch names the topic's id and the leader epoch of the last record, so that
// a record of another topic of the same name, or of a truncated log, is never taken for the next one.
// The answer also tells the position after offsets without records, which compaction leaves.
type tableReader struct {
	table   *Table
	handler Handler

	place   tablePlace
	located bool   // whether place is considered valid
	running bool   // whether a replay has begun and is valid
	why     string // reason of the next replay

	// State of the replay.
	start, next int64 // offsets: start of the log, and next to read
	epoch       int32 // of the last batch, -1 before the first
	end         int64 // offset at which the replay is complete, -1 until known
	complete    bool
	empty       int // consecutive empty answers
}

// step reads once. After an error the caller must call it again, later.
func (r *tableReader) step(ctx context.Context) error {
	if !r.located {
		if err := r.locate(ctx); err != nil {
			return err
		}
	}
	return r.fetch(ctx)
}

// locate finds the topic, creates it if it is missing, and begins a replay if it is not the topic that
// was read.
func (r *tableReader) locate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*tableRequestTimeout)
	defer cancel()
	place, created, err := r.table.findTopic(ctx)
	if err != nil {
		return err
	}
	if r.running && (place.id != r.place.id || created && place.id == (kadm.TopicID{})) {
		r.lose("topic %s was recreated", r.table.options.Topic)
	}
	if !r.running {
		if err := r.begin(ctx, place); err != nil {
			return err
		}
	}
	r.place, r.located = place, true
	return nil
}

// lose ends the replay: the records that were read differ from those of the topic.
func (r *tableReader) lose(why string, details ...any) {
	r.running, r.located, r.why = false, false, fmt.Sprintf(why, details...)
	r.table.state.begin(fmt.Errorf("%s: %w", r.why, errTableReplaying))
	r.table.log.Warn("the table restarts", "why", r.why)
}

// begin begins a replay of the topic at a place.
func (r *tableReader) begin(ctx context.Context, place tablePlace) error {
	t := r.table
	start, err := r.logStart(ctx, place)
	if err != nil {
		return err
	}
	if place.id != r.place.id || !t.appends.isOpen() {
		if err := t.checkTopic(ctx, place); err != nil {
			return err
		}
		if err := t.appends.open(t); err != nil {
			return &unusableTopic{err.Error()} // the options are wrong, and stay so
		}
	}
	r.start, r.next, r.epoch, r.end, r.complete, r.empty = start, start, -1, -1, false, 0
	r.running = true
	t.away.begin()
	if r.why == "" {
		t.state.begin(errTableReplaying)
	}
	r.handler.Restart(r.why)
	return nil
}

// logStart looks up the first offset of the log.
func (r *tableReader) logStart(ctx context.Context, place tablePlace) (int64, error) {
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.CurrentLeaderEpoch, partition.Timestamp = place.epoch, earliestOffset
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic, topic.Partitions = r.table.options.Topic, []kmsg.ListOffsetsRequestTopicPartition{partition}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.Topics = -1, []kmsg.ListOffsetsRequestTopic{topic}

	answer, err := cluster.Ask[*kmsg.ListOffsetsResponse](ctx, r.table.client.Broker(int(place.leader)), request)
	if err != nil {
		return 0, fmt.Errorf("looking up the first offset of the log: %w", err)
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, errors.New("looking up the first offset of the log: the answer is about other partitions")
	}
	p := answer.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return 0, fmt.Errorf("looking up the first offset of the log: %w", err)
	}
	return p.Offset, nil
}
