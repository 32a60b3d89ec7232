//go:build unix

package real

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// compactionLag is for how long a record stays at least where the topic is compacted: the suite must have read it by then.
const compactionLag = 15 * time.Second

// follower reads the compacted topic as it is written, and keeps what compaction removes.
type follower struct {
	mu      sync.Mutex // guards what follows
	records map[int32][]checker.Record
	missed  error
}

// follow reads until the end of the test.
func (f *follower) follow(t testing.TB, broker string) {
	t.Helper()
	f.records = make(map[int32][]checker.Record)
	client, err := kgo.NewClient(seeds(broker), kgo.ConsumeTopics(besideTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			for r := range client.PollFetches(ctx).RecordsAll() {
				f.take(r)
			}
		}
	})
	t.Cleanup(func() {
		stop()
		reading.Wait()
		client.Close()
	})
}

func (f *follower) take(r *kgo.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next := int64(len(f.records[r.Partition])); r.Offset != next && f.missed == nil {
		f.missed = fmt.Errorf("record %d of partition %d is read where %d was due: the suite was too slow", r.Offset, r.Partition, next)
	}
	f.records[r.Partition] = append(f.records[r.Partition], workload.Entry(r))
}

// all returns all records that were ever there, once those below the ends are read.
func (f *follower) all(ctx context.Context, ends map[int32]int64) (map[int32][]checker.Record, error) {
	for {
		f.mu.Lock()
		all, there, missed := make(map[int32][]checker.Record), true, f.missed
		for partition, end := range ends {
			all[partition] = append(all[partition], f.records[partition]...)
			there = there && int64(len(f.records[partition])) >= end
		}
		f.mu.Unlock()
		if missed != nil || there {
			return all, missed
		}
		if !workload.Pause(ctx, askPause) {
			return nil, fmt.Errorf("reading the compacted topic as it is written: %w", ctx.Err())
		}
	}
}

// besideLog returns what the compacted topic has ever held, and of each record whether it is removed.
func (o *observer) besideLog() (map[int32][]checker.Record, error) {
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	ends, err := o.endsOf(besideTopic)
	if err != nil {
		return nil, err
	}
	log, err := o.beside.all(ctx, ends)
	if err != nil {
		return nil, err
	}
	left := make(map[int32]map[int64]bool)
	for partition := range log {
		left[partition] = make(map[int64]bool)
	}
	if err := o.read(besideTopic, func(r *kgo.Record) { left[r.Partition][r.Offset] = true }); err != nil {
		return nil, err
	}
	for partition, records := range log {
		for i := range records {
			records[i].IsRemoved = records[i].Offset < ends[partition] && !left[partition][records[i].Offset]
		}
	}
	return log, nil
}

// compact has Kafka compact the topic that tails alone read, until some records are removed.
func (r *rig) compact() (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), healLimit)
	defer cancel()
	if _, err := r.kafka.besideLog(); err != nil { // what may be removed is read
		return "", err
	}
	if err := r.kafka.setCompaction(ctx, "1000", compactionLag); err != nil {
		return "", err
	}
	began, removed := time.Now(), 0
	for removed == 0 && workload.Pause(ctx, time.Second) {
		log, err := r.kafka.besideLog()
		if err != nil {
			return "", err
		}
		for _, records := range log {
			for _, one := range records {
				if one.IsRemoved {
					removed++
				}
			}
		}
	}
	if removed == 0 {
		return "", fmt.Errorf("Kafka has compacted nothing: %w", ctx.Err())
	}
	what := fmt.Sprintf("%d records removed after %v", removed, time.Since(began).Round(time.Millisecond))
	return what, r.kafka.setCompaction(ctx, "604800000", time.Hour)
}

// setCompaction sets after how many milliseconds a segment is not written to anymore, and when its records may be removed.
func (o *observer) setCompaction(ctx context.Context, segment string, lag time.Duration) error {
	dirty, least := "0.01", fmt.Sprint(lag.Milliseconds())
	answers, err := o.admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "segment.ms", Value: &segment},
		{Op: kadm.SetConfig, Name: "min.cleanable.dirty.ratio", Value: &dirty},
		{Op: kadm.SetConfig, Name: "min.compaction.lag.ms", Value: &least},
	}, besideTopic)
	if err == nil && len(answers) > 0 {
		err = answers[0].Err
	}
	if err != nil {
		return fmt.Errorf("changing when the topic is compacted: %w", err)
	}
	return nil
}
