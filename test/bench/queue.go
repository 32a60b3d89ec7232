package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// queueCommand as the first argument has queues measured, and nothing else.
const queueCommand = "queue"

const (
	queueWorkers    = 1000
	queueWindow     = 10
	queuePartitions = 3
	queueLone       = 200  // records of which one at a time is awaited
	queueIdle       = 2000 // workers to which nothing comes
)

// The figures.
const (
	settledRate  = "1,000 workers, window 10, 3 partitions: settled"
	settledCPU   = "1,000 workers, window 10, 3 partitions: CPU/settled"
	inHand       = "one worker, window 1: produced until in hand, p50"
	afterReset   = "worker ended by RST: until its records are at another"
	afterKill    = "replica killed: until its records are at another's worker"
	idleWorker   = "idle worker: resident memory"
	settleMetric = `wsproxy_queue_settled_total{outcome="accept"}`
)

// queues is one run of the rows about queues.
type queues struct {
	*bench
	figures map[string][]float64
	topics  int
	window  time.Duration // for which the flow is measured
}

// queueRow is what is measured together.
type queueRow struct {
	name    string
	measure func(*queues, context.Context) error
}

func queueRows() []queueRow {
	return []queueRow{
		{"flow", (*queues).measureFlow},
		{"latency", (*queues).measureLone},
		{"reset", (*queues).measureReset},
		{"killed", (*queues).measureKilled},
		{"idle", (*queues).measureIdleWorkers},
	}
}

// queueOptions are what a run is asked for.
type queueOptions struct {
	options
	rows   []string
	window time.Duration
}

func parseQueue(args []string, messages io.Writer) (queueOptions, error) {
	var names []string
	for _, row := range queueRows() {
		names = append(names, row.name)
	}
	o := queueOptions{rows: names}
	flags := flag.NewFlagSet("bench "+queueCommand, flag.ContinueOnError)
	flags.SetOutput(messages)
	commonFlags(flags, &o.options)
	flags.IntVar(&o.records, "records", 1_000_000, "`number` of records that wait for the workers of the row flow, at least 1000")
	flags.IntVar(&o.rounds, "rounds", 1, "`number` of rounds, of which the table has the medians")
	flags.Func("rows", "comma `list` of what to measure: "+strings.Join(names, ", ")+" (default: all)", func(text string) error {
		o.rows = strings.Split(text, ",")
		return nil
	})
	flags.DurationVar(&o.window, "window", 15*time.Second, "for how `long` the flow is measured")
	flags.DurationVar(&o.idle, "idle", settling, "for how `long` idle workers are left alone before memory is read")
	flags.Float64Var(&o.scale, "scale", 1, "`share` of the workers: a try is faster, and means nothing")
	flags.StringVar(&o.profiles, "profiles", "", "`folder` that gets a CPU profile of the proxy, of the flow")
	if err := flags.Parse(args); err != nil {
		return queueOptions{}, err
	}
	for _, row := range o.rows {
		if !slices.Contains(names, row) {
			return queueOptions{}, fmt.Errorf("%q is none of %s", row, strings.Join(names, ", "))
		}
	}
	if o.window <= 0 {
		return queueOptions{}, errors.New("--window must be longer than nothing")
	}
	return o, o.validate(flags.Args())
}

// runQueue measures queues. Where rows fail, the table has the others, and it fails in the end.
func runQueue(ctx context.Context, args []string, output, progress io.Writer) error {
	o, err := parseQueue(args, progress)
	if err != nil {
		return err
	}
	h := newHead(ctx) // before the load that this run makes itself
	q := &queues{figures: make(map[string][]float64)}
	err = withBench(ctx, o.options, &messages{to: progress}, func(b *bench) error {
		q.bench = b
		return q.measure(ctx, o)
	})
	if q.bench == nil {
		return err
	}
	return errors.Join(o.publish(h.String()+q.report(), output), err)
}

func (q *queues) measure(ctx context.Context, o queueOptions) (failed error) {
	q.window = o.window
	for round := range o.rounds {
		for _, row := range queueRows() {
			if !slices.Contains(o.rows, row.name) || ctx.Err() != nil {
				continue
			}
			if err := row.measure(q, ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("measuring %s: %w", row.name, err))
				continue
			}
			q.progress(row.name, round+1)
		}
	}
	return failed
}

func (q *queues) add(what string, value float64) { q.figures[what] = append(q.figures[what], value) }

func (q *queues) figure(what string) float64 {
	if len(q.figures[what]) == 0 {
		return math.NaN()
	}
	return median(q.figures[what], func(v float64) float64 { return v })
}

// report is the table, as Markdown.
func (q *queues) report() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s/%s, %d CPUs shared with the broker and the workers, %s, %s. Medians of %d rounds.\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), q.broker.name, q.options.rounds)
	text.WriteString("\n| what | value | floor | goal | reached |\n|---|--:|--:|--:|---|\n")
	for _, r := range []row{
		{settledRate, perSecond, q.figure(settledRate), 20_000, 40_000, false},
		{settledCPU, microseconds, q.figure(settledCPU), 15, 8, true},
		{inHand, plainMilliseconds, q.figure(inHand), 8, 5, true},
		{afterReset, seconds, q.figure(afterReset), 1, 0.3, true},
		{afterKill, seconds, q.figure(afterKill), 15, 8, true},
		{idleWorker, kibibytes, q.figure(idleWorker), 40, 20, true},
	} {
		if !math.IsNaN(r.value) {
			r.write(&text)
		}
	}
	return text.String()
}

// topic makes the topic of a row, with records.
func (q *queues) topic(ctx context.Context, partitions, records int) (string, error) {
	q.topics++
	topic := fmt.Sprintf("%s-queue-%d", q.name, q.topics)
	if err := q.createTopicOf(ctx, topic, partitions, nil); err != nil {
		return "", err
	}
	return topic, q.write(ctx, topic, records)
}

// write writes records of 200 bytes.
func (q *queues) write(ctx context.Context, topic string, records int) error {
	client, err := rawProducer(q.broker.addr, topic, kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer client.Close()
	return q.data.rawSend(ctx, client, q.data.values, records)
}
