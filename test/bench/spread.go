package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	spreadConnections = 1000
	spreadMessages    = 20_000
	spreadPerSecond   = 2000
)

// spreadSample is the CPU of the proxy for the same messages at the same rate, in microseconds per message.
type spreadSample struct {
	one, many float64
}

// measureSpread sends messages of one clientId evenly over one connection, and then over many.
func (b *bench) measureSpread(ctx context.Context, p *proxyProcess, round int, r *results) (err error) {
	topic := fmt.Sprintf("%s-%d-spread", b.name, round)
	if err := b.createTopic(ctx, topic); err != nil {
		return err
	}
	var s spreadSample
	if s.one, err = b.spread(ctx, p, topic, 1); err != nil {
		return err
	}
	if s.many, err = b.spread(ctx, p, topic, b.options.scaled(spreadConnections, 2)); err != nil {
		return err
	}
	r.spreads = append(r.spreads, s)
	return b.deleteTopic(ctx, topic)
}

func (b *bench) spread(ctx context.Context, p *proxyProcess, topic string, connections int) (float64, error) {
	way := b.data.payloads[jsonWay]
	to := way.in(endpoint{addr: p.main}, topic)
	to.buffer = idleBuffer
	links, err := openAll(ctx, connections, func(int) target { return to })
	if err != nil {
		return 0, err
	}
	defer cutAll(links)
	head := way.answer(topic)
	if err := forEach(links, func(_ int, l *link) error { return way.exchange(l, 1, head) }); err != nil {
		return 0, err
	}
	read := p.meter(ctx)
	before, err := read()
	if err != nil {
		return 0, err
	}
	messages := b.options.scaled(spreadMessages, connections)
	if err := way.pace(links, messages, head); err != nil {
		return 0, err
	}
	now, err := read()
	if err != nil {
		return 0, err
	}
	const micro = 1e6
	return now.since(before).cpu * micro / float64(messages), forEach(links, func(_ int, l *link) error { return l.close() })
}

// pace sends messages at an even rate, over one link after another, and reads their answers.
func (p *payload) pace(links []*link, messages int, head string) error {
	answered := make(chan error, 1)
	go func() {
		answered <- forEach(links, func(i int, l *link) error {
			return readAnswers(l, share(messages, i, len(links)), head, newWindow())
		})
	}()
	sent := p.sendEvenly(links, messages)
	if sent != nil {
		cutAll(links)
	}
	return errors.Join(sent, <-answered)
}

// sendEvenly catches up after a delay: timers are coarser than the time between two messages.
func (p *payload) sendEvenly(links []*link, messages int) error {
	const interval = time.Second / spreadPerSecond
	began := time.Now()
	wait := time.NewTimer(0)
	defer wait.Stop()
	for n := range messages {
		if early := time.Until(began.Add(time.Duration(n) * interval)); early > 0 {
			wait.Reset(early)
			<-wait.C
		}
		if _, err := links[n%len(links)].conn.Write(p.frameRange(n, 1)); err != nil {
			return err
		}
	}
	return nil
}
