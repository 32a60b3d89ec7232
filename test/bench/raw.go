package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// rawProduce is the yardstick of produce: franz-go with default options.
func (d *data) rawProduce(ctx context.Context, broker, topic string, records int, begin func() error) (s span, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return span{}, fmt.Errorf("making a plain producer: %w", err)
	}
	defer client.Close()
	if err := d.rawSend(ctx, client, ahead); err != nil {
		return span{}, err
	}
	if err := begin(); err != nil {
		return span{}, err
	}
	s.records, s.first = records, time.Now()
	err = d.rawSend(ctx, client, records)
	s.last = time.Now()
	return s, err
}

func (d *data) rawSend(ctx context.Context, client *kgo.Client, records int) error {
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
		client.Produce(ctx, &kgo.Record{Key: d.keys[n%distinct], Value: d.values[n%distinct]}, promise)
	}
	acknowledged.Wait()
	if failed != nil {
		return fmt.Errorf("producing without the proxy: %w", failed)
	}
	return nil
}

// rawConsume is the yardstick of consume: franz-go with default options.
func rawConsume(ctx context.Context, broker, topic, group string, records int) (s span, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic))
	if err != nil {
		return span{}, fmt.Errorf("making a plain consumer: %w", err)
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
