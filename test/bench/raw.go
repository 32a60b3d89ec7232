package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rawProducer is franz-go with default options, and with what options says.
func rawProducer(broker, topic string, options ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic))...)
	return client, wrap(err, "making a plain producer")
}

func rawConsumer(broker, topic, group string) (*kgo.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic))
	return client, wrap(err, "making a plain consumer")
}

// record returns the record of a number, with one of some values.
func (d *data) record(n int, values [][]byte) *kgo.Record {
	return &kgo.Record{Key: d.keys[n%distinct], Value: values[n%distinct]}
}

// rawProduce is the yardstick of produce: franz-go with default options.
func (d *data) rawProduce(ctx context.Context, broker, topic string, values [][]byte, records int, begin func() error) (s span, err error) {
	client, err := rawProducer(broker, topic)
	if err != nil {
		return span{}, err
	}
	defer client.Close()
	if err := d.rawSend(ctx, client, values, ahead); err != nil {
		return span{}, err
	}
	if err := begin(); err != nil {
		return span{}, err
	}
	s.records, s.first = records, time.Now()
	err = d.rawSend(ctx, client, values, records)
	s.last = time.Now()
	return s, err
}

func (d *data) rawSend(ctx context.Context, client *kgo.Client, values [][]byte, records int) error {
	var acknowledged sync.WaitGroup
	acknowledged.Add(records)
	var failed error // promises run one after another
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed = err
		}
		acknowledged.Done()
	}
	for n := range records {
		client.Produce(ctx, d.record(n, values), promise)
	}
	acknowledged.Wait()
	if failed != nil {
		return fmt.Errorf("producing without the proxy: %w", failed)
	}
	return nil
}

// rawTransaction writes records that can be read, under read_committed, as soon as commit is called.
// abandon must be called in the end.
func (d *data) rawTransaction(ctx context.Context, broker, topic string, records int) (commit func() error, abandon func(), err error) {
	client, err := rawProducer(broker, topic, kgo.TransactionalID(topic), kgo.TransactionTimeout(roundTimeout))
	if err != nil {
		return nil, nil, err
	}
	if err := client.BeginTransaction(); err != nil {
		client.Close()
		return nil, nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	if err := d.rawSend(ctx, client, d.values, records); err != nil {
		client.Close()
		return nil, nil, err
	}
	commit = func() error {
		return wrap(client.EndTransaction(ctx, kgo.TryCommit), "committing a transaction")
	}
	return commit, client.Close, nil
}

// rawConsume is the yardstick of consume: franz-go with default options.
func rawConsume(ctx context.Context, broker, topic, group string, records int) (s span, err error) {
	client, err := rawConsumer(broker, topic, group)
	if err != nil {
		return span{}, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	for n := 0; n < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return span{}, fmt.Errorf("consuming without the proxy: %w", err)
		}
		before := n
		fetches.EachRecord(func(*kgo.Record) { n++ })
		if before == 0 {
			s.records, s.first = records-n, time.Now() // a first poll may bring many
		}
	}
	s.last = time.Now()
	return s, nil
}
