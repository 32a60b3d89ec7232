package main

import (
	"context"
	"time"
)

const (
	// earlySockets are there before memory or time of a socket is measured: what the first ones make stays out of it.
	earlySockets = 100
	idleSockets  = 15_000
	newSockets   = 10_000
)

// measureIdleTails measures how soon sockets to which nothing comes have joined, their memory, and the CPU of all of them. It fails
// where one is refused.
func (l *live) measureIdleTails(ctx context.Context) error {
	return l.withListeners(ctx, partitions, nil, func(topic string, p *proxyProcess, sockets *listeners) error {
		settle := min(settling, l.options.idle)
		if _, err := sockets.open(ctx, tails(p, topic, l.options.scaled(earlySockets, 1), nil)); err != nil {
			return err
		}
		before, err := p.footprint(ctx, sockets.hold, settle)
		if err != nil {
			return err
		}
		count, began := l.options.scaled(idleSockets, 1), time.Now()
		joined, err := sockets.open(ctx, tails(p, topic, count, nil))
		if err != nil {
			return err
		}
		l.results.add(idleJoined, joined.GreetedAt.Sub(began).Seconds())
		after, err := p.footprint(ctx, sockets.hold, settle)
		if err != nil {
			return err
		}
		each := after.per(count, before)
		l.results.add(idleResident, each.resident/kibi)
		l.results.add(idleLive, each.live/kibi)
		return l.measureIdleCPU(ctx, p, sockets)
	})
}

func (l *live) measureIdleCPU(ctx context.Context, p *proxyProcess, sockets *listeners) error {
	before, err := readProcess(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := sockets.hold(ctx, l.options.idle); err != nil {
		return err
	}
	after, err := readProcess(p.cmd.Process.Pid)
	l.results.add(idleShare, 100*(after.cpu-before.cpu)/time.Since(began).Seconds())
	return err
}

// measureOpening opens sockets as fast as it goes, with many handshakes under way.
func (l *live) measureOpening(ctx context.Context) error {
	return l.withListeners(ctx, partitions, nil, func(topic string, p *proxyProcess, sockets *listeners) error {
		if _, err := sockets.open(ctx, tails(p, topic, l.options.scaled(earlySockets, 1), nil)); err != nil {
			return err
		}
		before, err := readProcess(p.cmd.Process.Pid)
		if err != nil {
			return err
		}
		count := float64(l.options.scaled(newSockets, 1))
		began := time.Now()
		report, err := sockets.open(ctx, tails(p, topic, int(count), nil))
		if err != nil {
			return err
		}
		after, err := readProcess(p.cmd.Process.Pid)
		l.results.add(openingRate, count/report.GreetedAt.Sub(began).Seconds())
		l.results.add(openingCPU, 1000*(after.cpu-before.cpu)/count)
		return err
	})
}
