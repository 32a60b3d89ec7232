package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// plainConsumersCommand has this program hold plain consumers and print what they need.
const plainConsumersCommand = "hold-plain-consumers"

// plainIdle returns which share of a core plain consumers need that have nothing to read, as members of a group
// each, in a process of their own.
func (b *bench) plainIdle(ctx context.Context, topic string, consumers int) (share float64, err error) {
	plain, err := startSelf(ctx, plainConsumersCommand, b.broker.addr, topic, strconv.Itoa(consumers), b.options.idle.String())
	if err != nil {
		return 0, fmt.Errorf("holding plain consumers: %w", err)
	}
	defer func() { err = errors.Join(err, plain.stop()) }()
	printed, err := plain.line()
	if err != nil {
		return 0, fmt.Errorf("holding plain consumers: %w", err)
	}
	share, err = strconv.ParseFloat(printed, 64)
	return share, wrap(err, "reading what plain consumers need")
}

// holdPlainConsumers opens consumers, prints which share of a core they need while idle, and holds them until
// life ends. The arguments are those of plainIdle.
func holdPlainConsumers(args []string, life io.Reader, output io.Writer) error {
	broker, topic := args[0], args[1]
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("reading the number of consumers: %w", err)
	}
	idle, err := time.ParseDuration(args[3])
	if err != nil {
		return fmt.Errorf("reading how long they are idle: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var joining sync.WaitGroup
	for n := range count {
		joining.Add(1)
		if err := readPlainly(ctx, broker, topic, fmt.Sprintf("%s-plain-%d", topic, n), sync.OnceFunc(joining.Done)); err != nil {
			return err
		}
	}
	joining.Wait()
	<-time.After(min(settling, idle))
	share, err := shareWhile(idle)
	if err != nil {
		return err
	}
	fmt.Fprintln(output, share)
	_, err = io.Copy(io.Discard, life)
	return err
}

// readPlainly has a plain consumer read as a member of a group until ctx ends. It calls joined when it has partitions.
func readPlainly(ctx context.Context, broker, topic, group string, joined func()) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined() }))
	if err != nil {
		return fmt.Errorf("making a plain consumer: %w", err)
	}
	go func() {
		defer client.Close()
		for ctx.Err() == nil {
			client.PollFetches(ctx)
		}
	}()
	return nil
}

// shareWhile returns which share of a core this process needs for a time.
func shareWhile(d time.Duration) (float64, error) {
	read := ownMeter()
	before, err := read()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	<-time.After(d)
	now, err := read()
	return now.since(before).cpu / time.Since(began).Seconds(), err
}
