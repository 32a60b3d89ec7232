package read

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errHistory means that franz-go returned a record that is not one of those that follow.
var errHistory = errors.New("the records do not follow those before")

// Poll waits for records, or for what checks find. What it returns is valid until the next call. The error is ctx's,
// or one for the client: the reader is of no use after it.
func (r *Reader) Poll(ctx context.Context) (proxy.Batch, error) {
	clear(r.records[:cap(r.records)]) // the records of the last poll would keep their whole fetch
	r.records = r.records[:0]
	r.headers.Clear()
	for {
		fetches, err := r.fetches(ctx)
		if err == nil {
			err = r.inspect(fetches)
		}
		if err != nil {
			return proxy.Batch{}, err
		}
		batch, err := r.take(fetches)
		if err != nil || len(batch.Next) > 0 {
			return batch, err
		}
	}
}

// fetches waits until there are some, or something else has happened. They are returned also if the wait was
// interrupted at the same time.
func (r *Reader) fetches(ctx context.Context) (kgo.Fetches, error) {
	polling, interrupt := context.WithCancel(ctx)
	defer interrupt()
	if wait, err := r.beginWait(interrupt); !wait {
		return nil, err
	}
	fetches := r.client.PollFetches(polling)
	r.endWait()
	if fetches.NumRecords() > 0 { // they are not returned again
		return fetches, nil
	}
	return fetches, ctx.Err() //nolint:wrapcheck // the caller's own
}

// beginWait tells whether there is something to wait for. If not, there is something to return, or an error.
func (r *Reader) beginWait(interrupt func()) (wait bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end := r.source.end(); end != nil {
		r.failure = end
	}
	if r.failure != nil || len(r.checked.Next) > 0 {
		return false, r.failure
	}
	r.interrupt, r.waiting = interrupt, time.Now()
	return true, nil
}

func (r *Reader) endWait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waited += time.Since(r.waiting)
	r.interrupt, r.waiting = nil, time.Time{}
}

// take converts fetched records, without the control records that end transactions, behind what checks have found.
func (r *Reader) take(fetches kgo.Fetches) (proxy.Batch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	batch := r.checked
	r.checked = proxy.Batch{}
	if batch.Next == nil {
		batch.Next = proxy.Places{}
	}
	for i := range fetches {
		for j := range fetches[i].Topics {
			topic := &fetches[i].Topics[j]
			if r.source.isOther(topic.TopicID) {
				r.source.topic.Refresh()
				return proxy.Batch{}, r.source.unavailable(errOtherInstance)
			}
			for k := range topic.Partitions {
				if err := r.takePartition(&topic.Partitions[k], batch.Next); err != nil {
					return proxy.Batch{}, r.source.unavailable(err)
				}
			}
		}
	}
	batch.Records = r.records
	return batch, nil
}

// takePartition converts the records of a partition, and moves its place behind them. r.mu is held.
func (r *Reader) takePartition(p *kgo.FetchPartition, next proxy.Places) error {
	if len(p.Records) == 0 {
		return nil
	}
	delete(r.troubles, p.Partition)
	place, last := r.next[p.Partition], r.lastEpoch(p.Partition)
	for _, record := range p.Records {
		if record.Offset < place.Offset || record.LeaderEpoch < last && record.LeaderEpoch >= 0 {
			return fmt.Errorf("partition %d: record %d of epoch %d comes at %d, behind epoch %d: %w",
				p.Partition, record.Offset, record.LeaderEpoch, place.Offset, last, errHistory)
		}
		place, last = proxy.Place{Offset: record.Offset + 1, Epoch: record.LeaderEpoch}, record.LeaderEpoch
		if !record.Attrs.IsControl() {
			r.records = append(r.records, proxy.Record{
				Partition: record.Partition, Offset: record.Offset, Epoch: record.LeaderEpoch, Timestamp: record.Timestamp.UnixMilli(),
				Key: record.Key, Value: record.Value, Headers: r.headers.Convert(record.Headers),
			})
		}
	}
	r.next[p.Partition], next[p.Partition], r.epochs[p.Partition] = place, place, last
	return nil
}

// lastEpoch returns the epoch of the last record of a partition.
func (r *Reader) lastEpoch(partition int32) int32 {
	if epoch, is := r.epochs[partition]; is {
		return epoch
	}
	return unknown
}
