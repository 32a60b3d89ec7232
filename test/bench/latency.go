package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// exchanges are those of which the median is taken, after a few that are not counted.
	exchanges, warmExchanges = 200, 20
	// pause is the time from one exchange to the next, so that nothing is on its way anymore.
	pause = 5 * time.Millisecond
)

// latencies are the medians of one round, in milliseconds.
type latencies struct {
	ack, rawAck       float64 // from a message to its answer
	record, rawRecord float64 // from producing a record to having it
	hop               float64 // from bytes to their echo by another process
}

// measureLatency measures lone messages and lone records, over the proxy and without it.
func (b *bench) measureLatency(ctx context.Context, p *proxyProcess, round int, r *results) error {
	var s latencies
	var err error
	if s.hop, err = b.hop(ctx); err != nil {
		return err
	}
	for _, step := range []struct {
		name    string
		result  *float64
		measure func(topic string) (float64, error)
	}{
		{"ack", &s.ack, func(topic string) (float64, error) { return b.loneAck(ctx, p, topic) }},
		{"raw-ack", &s.rawAck, func(topic string) (float64, error) { return b.rawLoneAck(ctx, topic) }},
		{"record", &s.record, func(topic string) (float64, error) { return b.loneRecord(ctx, p, topic) }},
		{"raw-record", &s.rawRecord, func(topic string) (float64, error) { return b.rawLoneRecord(ctx, topic) }},
	} {
		topic := fmt.Sprintf("%s-%d-%s", b.name, round, step.name)
		if err := b.createTopic(ctx, topic); err != nil {
			return err
		}
		if *step.result, err = step.measure(topic); err != nil {
			return err
		}
		if err := b.deleteTopic(ctx, topic); err != nil {
			return err
		}
	}
	r.latencies = append(r.latencies, s)
	return nil
}

func (b *bench) loneAck(ctx context.Context, p *proxyProcess, topic string) (float64, error) {
	way := b.data.payloads[jsonWay]
	l, err := open(ctx, way.in(endpoint{addr: p.main}, topic))
	if err != nil {
		return 0, err
	}
	defer l.cut()
	return b.medianOf(ctx, func(n int) error {
		if _, err := l.conn.Write(way.frameRange(n, 1)); err != nil {
			return err
		}
		return l.expect(way.answer(topic))
	})
}

// rawLoneAck needs no option against lingering: who produces synchronously does not linger.
func (b *bench) rawLoneAck(ctx context.Context, topic string) (float64, error) {
	client, err := rawProducer(b.broker.addr, topic)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	return b.medianOf(ctx, func(n int) error {
		return wrap(client.ProduceSync(ctx, b.data.record(n, b.data.values)).FirstErr(), "producing without the proxy")
	})
}

func (b *bench) loneRecord(ctx context.Context, p *proxyProcess, topic string) (float64, error) {
	way := b.data.payloads[jsonWay]
	l, err := open(ctx, way.out(endpoint{addr: p.main}, topic, topic))
	if err != nil {
		return 0, err
	}
	defer l.cut()
	return b.loneRecords(ctx, topic, func() error { return l.expect(way.delivery) })
}

func (b *bench) rawLoneRecord(ctx context.Context, topic string) (float64, error) {
	client, err := rawConsumer(b.broker.addr, topic, topic)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	return b.loneRecords(ctx, topic, func() error {
		for {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err(); err != nil || fetches.NumRecords() > 0 {
				return wrap(err, "consuming without the proxy")
			}
		}
	})
}

// loneRecords produces records for a group named like the topic, which receive waits for. The producer is
// the same for all consumers, and does not linger, which by default takes 10 ms.
func (b *bench) loneRecords(ctx context.Context, topic string, receive func() error) (float64, error) {
	if err := b.awaitGroups(ctx, 1, topic); err != nil {
		return 0, err
	}
	client, err := rawProducer(b.broker.addr, topic, kgo.ProducerLinger(0))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	acknowledged := make(chan error, 1) // the record before: its consumer does not wait for that
	acknowledged <- nil
	return b.medianOf(ctx, func(n int) error {
		if err := <-acknowledged; err != nil {
			return fmt.Errorf("producing without the proxy: %w", err)
		}
		client.Produce(ctx, b.data.record(n, b.data.values), func(_ *kgo.Record, err error) { acknowledged <- err })
		return receive()
	})
}

// medianOf runs one exchange after another, and returns their median duration in milliseconds.
func (b *bench) medianOf(ctx context.Context, exchange func(n int) error) (float64, error) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	var taken []time.Duration
	for n := range warmExchanges + b.options.scaled(exchanges, 1) {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		began := time.Now()
		if err := exchange(n); err != nil {
			return 0, err
		}
		if n >= warmExchanges {
			taken = append(taken, time.Since(began))
		}
	}
	slices.Sort(taken)
	return float64(taken[len(taken)/2]) / float64(time.Millisecond), nil
}
