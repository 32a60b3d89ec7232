package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

// stamped makes records with stamps. Their keys are k0, k1 and so on, in turn.
type stamped struct {
	topic  string
	keys   int
	bytes  int    // of a value
	filler []byte // random text
}

func (b *bench) stamped(topic string, keys, valueBytes int) stamped {
	return stamped{topic, keys, valueBytes, bytes.Join(b.data.values, nil)}
}

func keyOf(n int) string { return "k" + strconv.Itoa(n) }

// record makes the record of a number, sent now.
func (s stamped) record(n int, final bool) *kgo.Record {
	stamp := loadclient.Stamp{Sent: time.Now(), Number: uint64(n), Final: final}
	value := stamp.Append(make([]byte, 0, s.bytes))
	from := n * valueBytes % (len(s.filler) - s.bytes)
	value = append(value, s.filler[from:from+max(0, s.bytes-len(value))]...)
	return &kgo.Record{Topic: s.topic, Key: []byte(keyOf(n % s.keys)), Value: value}
}

// produced is what a producer has written.
type produced struct {
	records int
	sum     uint64 // of their numbers
}

// upTo is what there is when the records of all numbers below n are written.
func upTo(n int) produced { return produced{n, uint64(n) * uint64(n-1) / 2} }

// fill writes records as fast as it goes.
func (s stamped) fill(ctx context.Context, broker string, records int) error {
	client, err := rawProducer(broker, s.topic)
	if err != nil {
		return err
	}
	defer client.Close()
	var failed failure
	for n := range records {
		client.Produce(ctx, s.record(n, false), failed.promise)
	}
	return failed.flush(ctx, client)
}

// pace writes records at an even rate until stop is closed, and then a final one of each key if so asked.
func (s stamped) pace(ctx context.Context, broker string, perSecond int, finals bool, stop <-chan struct{}) (produced, error) {
	client, err := rawProducer(broker, s.topic, kgo.ProducerLinger(0))
	if err != nil {
		return produced{}, err
	}
	defer client.Close()
	var failed failure
	n := 0
	for turns := newTurns(perSecond); turns.await(n, stop); n++ {
		client.Produce(ctx, s.record(n, false), failed.promise)
	}
	if finals {
		last := (n + s.keys - 1) / s.keys * s.keys // so that the final ones begin with the first key
		for ; n < last+s.keys; n++ {
			client.Produce(ctx, s.record(n, n >= last), failed.promise)
		}
	}
	return upTo(n), failed.flush(ctx, client)
}

// failure keeps the last one of records that could not be written.
type failure struct{ last atomic.Pointer[error] }

func (f *failure) promise(_ *kgo.Record, err error) {
	if err != nil {
		f.last.Store(&err)
	}
}

// flush waits until all records are written.
func (f *failure) flush(ctx context.Context, client *kgo.Client) error {
	if err := client.Flush(ctx); err != nil {
		return fmt.Errorf("flushing records: %w", err)
	}
	if err := f.last.Load(); err != nil {
		return fmt.Errorf("producing records: %w", *err)
	}
	return nil
}
