package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// bench is one run.
type bench struct {
	options  options
	broker   broker
	program  program
	data     *data
	client   *kgo.Client
	admin    *kadm.Client
	messages io.Writer
	name     string // begins the names of topics and groups, so that a broker can be used again
}

func newBench(o options, b broker, p program, messages io.Writer) (*bench, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.addr))
	if err != nil {
		return nil, fmt.Errorf("making an admin client: %w", err)
	}
	return &bench{
		options: o, broker: b, program: p, data: newData(), messages: messages,
		client: client, admin: kadm.NewClient(client),
		name: fmt.Sprintf("bench-%08x", rand.Uint32()),
	}, nil
}

func (b *bench) close() { b.client.Close() }

// measure measures all rows that are asked for, group by group.
func (b *bench) measure(ctx context.Context) (*results, error) {
	r := &results{options: b.options, broker: b.broker.name, flows: make(map[measurement][]sample)}
	if rows := measurements(b.options.groups); rows != nil {
		if err := b.withProxy(ctx, func(p *proxyProcess) error { return b.measureFlows(ctx, p, rows, r) }); err != nil {
			return nil, err
		}
	}
	for _, step := range []struct {
		group group
		round func(context.Context, *proxyProcess, int, *results) error
	}{
		{latency, b.measureLatency}, {idle, b.measureIdle}, {burst, b.measureBurst}, {spread, b.measureSpread},
	} {
		if !slices.Contains(b.options.groups, step.group) {
			continue
		}
		// What a proxy's memory holds after a round must not count in the next.
		for round := range b.options.rounds {
			err := b.withProxy(ctx, func(p *proxyProcess) error { return step.round(ctx, p, round, r) })
			if err != nil {
				return nil, fmt.Errorf("measuring %s: %w", step.group, err)
			}
			b.progress(string(step.group), round+1)
		}
	}
	return r, nil
}

// withProxy runs f with a proxy that has done nothing yet.
func (b *bench) withProxy(ctx context.Context, f func(*proxyProcess) error) error {
	p, err := b.program.start(ctx, b.broker.addr, b.messages)
	if err != nil {
		return err
	}
	return errors.Join(f(p), p.stop())
}

func (b *bench) progress(what string, round int) {
	fmt.Fprintf(b.messages, "%s: round %d of %d is done.\n", what, round, b.options.rounds)
}
