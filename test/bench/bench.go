package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topicTimeout  = 30 * time.Second
	topicInterval = 20 * time.Millisecond
)

// bench is one run.
type bench struct {
	options  options
	broker   broker
	proxy    *proxyProcess
	data     *data
	client   *kgo.Client
	admin    *kadm.Client
	messages io.Writer
	name     string // begins the names of topics and groups, so that a broker can be used again
	samples  map[measurement][]sample
}

// measurement is a row of the table.
type measurement struct {
	flow string // "out" or "in"
	way  string // raw, or the payload of the proxy's sockets
}

// The ways in which records come and go. Raw is without the proxy.
const (
	raw     = "raw"
	jsonWay = "JSON"
	avroWay = "Avro"
)

// measurements are the rows in their order.
func measurements() []measurement {
	var rows []measurement
	for _, flow := range []string{"out", "in"} {
		for _, way := range []string{raw, jsonWay, avroWay} {
			rows = append(rows, measurement{flow, way})
		}
	}
	return rows
}

func newBench(o options, b broker, p *proxyProcess, messages io.Writer) (*bench, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return nil, fmt.Errorf("making an admin client: %w", err)
	}
	return &bench{
		options: o, broker: b, proxy: p, data: newData(), messages: messages,
		client: client, admin: kadm.NewClient(client),
		name:    fmt.Sprintf("bench-%08x", rand.Uint32()),
		samples: make(map[measurement][]sample),
	}, nil
}

func (b *bench) close() { b.client.Close() }

// measure runs all rounds.
func (b *bench) measure(ctx context.Context) error {
	if err := b.fill(ctx); err != nil {
		return err
	}
	for round := range b.options.rounds + 1 {
		for _, m := range measurements() {
			s, err := b.take(ctx, m, round)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", m.flow, err)
			}
			if round > 0 {
				b.samples[m] = append(b.samples[m], s)
			}
		}
		fmt.Fprintf(b.messages, "Round %d of %d is done.\n", round, b.options.rounds)
	}
	if b.options.profiles == "" {
		return nil
	}
	return b.profile(ctx)
}

// fill makes the topic that is read in all rounds.
func (b *bench) fill(ctx context.Context) error {
	if err := b.createTopic(ctx, b.name); err != nil {
		return err
	}
	begin := func() error { return nil }
	_, err := b.data.rawProduce(ctx, b.broker.addr, b.name, b.options.records-ahead, begin)
	return err
}

func (b *bench) createTopic(ctx context.Context, topic string) error {
	if _, err := b.admin.CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
		return fmt.Errorf("creating topic %s: %w", topic, err)
	}
	return b.awaitTopic(ctx, topic)
}

// awaitTopic waits until all partitions have leaders: Kafka answers a creation before its
// brokers know of the topic.
func (b *bench) awaitTopic(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, topicTimeout)
	defer cancel()
	for {
		listed, err := b.admin.ListTopics(ctx, topic)
		if err != nil {
			return fmt.Errorf("waiting for topic %s: %w", topic, err)
		}
		if isServed(listed[topic]) {
			return nil
		}
		select {
		case <-time.After(topicInterval):
		case <-ctx.Done():
			return fmt.Errorf("waiting for topic %s: %w", topic, ctx.Err())
		}
	}
}

func isServed(topic kadm.TopicDetail) bool {
	for _, p := range topic.Partitions {
		if p.Err != nil || p.Leader < 0 {
			return false
		}
	}
	return topic.Err == nil && len(topic.Partitions) == partitions
}

// take takes one sample.
func (b *bench) take(ctx context.Context, m measurement, round int) (sample, error) {
	c := newClock(ctx, b.proxy)
	var s span
	var err error
	if m.flow == "out" {
		s, err = b.takeOut(ctx, m, round, c)
	} else {
		s, err = b.takeIn(ctx, m, round, c)
	}
	if err != nil {
		return sample{}, err
	}
	return c.sample(m, s, b.options.records)
}

func (b *bench) takeOut(ctx context.Context, m measurement, round int, c *clock) (span, error) {
	if err := c.start(); err != nil {
		return span{}, err
	}
	group := fmt.Sprintf("%s-%d-%s", b.name, round, m.way)
	if m.way == raw {
		return rawConsume(ctx, b.broker.addr, b.name, group, b.options.records)
	}
	return b.data.payloads[m.way].consume(ctx, b.proxy.main, b.name, group, b.options.records)
}

// takeIn writes to a topic of its own, so that disks and memory do not fill up.
func (b *bench) takeIn(ctx context.Context, m measurement, round int, c *clock) (span, error) {
	topic := fmt.Sprintf("%s-%d-%s", b.name, round, m.way)
	if err := b.createTopic(ctx, topic); err != nil {
		return span{}, err
	}
	produce, addr := b.data.rawProduce, b.broker.addr
	if m.way != raw {
		produce, addr = b.data.payloads[m.way].produce, b.proxy.main
	}
	s, err := produce(ctx, addr, topic, b.options.records, c.start)
	if err != nil {
		return span{}, err
	}
	if _, err := b.admin.DeleteTopic(ctx, topic); err != nil {
		return span{}, fmt.Errorf("deleting topic %s: %w", topic, err)
	}
	return s, nil
}
