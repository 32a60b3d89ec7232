package main

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// live is one run of live reading.
type live struct {
	*bench
	options liveOptions
	results *liveResults
	topics  int // how many there were so far
}

// liveRow is what is measured together.
type liveRow struct {
	name    string
	measure func(*live, context.Context) error
}

// liveRows returns all of them, in the order in which they are measured.
func liveRows() []liveRow {
	return []liveRow{
		{"out", (*live).measureOut},
		{"all", (*live).measureAll},
		{"keys", (*live).measureKeys},
		{"broadcast", (*live).measureBroadcast},
		{"idle", (*live).measureIdleTails},
		{"tls", (*live).measureTLS},
		{"partitions", (*live).measurePartitions},
		{"opening", (*live).measureOpening},
		{"broker", (*live).measureBroker},
		{"encodings", (*live).measureEncodings},
		{"history", (*live).measureHistory},
		{"snapshot", (*live).measureSnapshot},
		{"conflation", (*live).measureConflation},
	}
}

func liveRowNames() []string {
	var names []string
	for _, row := range liveRows() {
		names = append(names, row.name)
	}
	return names
}

// runLive measures live reading. Where rows fail, the tables have the others, and it fails in the end.
func runLive(ctx context.Context, args []string, output, progress io.Writer) error {
	o, err := parseLive(args, progress)
	if err != nil {
		return err
	}
	h := newHead(ctx) // before the load that this run makes itself
	r := newLiveResults(o)
	err = withBench(ctx, o.options, &messages{to: progress}, func(b *bench) error {
		r.broker = b.broker.name
		return (&live{bench: b, options: o, results: r}).measure(ctx)
	})
	return errors.Join(o.publish(h.String()+r.report(), output), err)
}

// measure measures the rows that are asked for. It goes on where one fails.
func (l *live) measure(ctx context.Context) (failed error) {
	for round := range l.options.rounds {
		for _, row := range liveRows() {
			if !l.options.has(row.name) || ctx.Err() != nil {
				continue
			}
			if err := row.measure(l, ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("measuring %s: %w", row.name, err))
				fmt.Fprintf(l.messages, "%s: %v\n", row.name, err)
				continue
			}
			l.progress(row.name, round+1)
		}
	}
	return errors.Join(failed, ctx.Err(), l.results.complete())
}
