package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

func main() {
	if serve := command(os.Args[1:]); serve != nil {
		exit(serve(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runAny(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// command returns what a command of startSelf does, or nil if the arguments are none.
func command(args []string) func(life io.Reader, output io.Writer) error {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case embeddedCommand:
		return serveEmbedded
	case echoCommand:
		return serveEcho
	case listenCommand:
		return func(_ io.Reader, output io.Writer) error { return loadclient.Serve(os.Stdin, output) }
	case plainConsumersCommand:
		return func(life io.Reader, output io.Writer) error { return holdPlainConsumers(args[1:], life, output) }
	}
	return nil
}

// runAny runs what the first argument says.
func runAny(ctx context.Context, args []string, output, progress io.Writer) error {
	if len(args) > 0 && args[0] == liveCommand {
		return runLive(ctx, args[1:], output, progress)
	}
	if len(args) > 0 && args[0] == queueCommand {
		return runQueue(ctx, args[1:], output, progress)
	}
	return run(ctx, args, output, progress)
}

// run measures, and writes the tables to output and what it does to progress.
func run(ctx context.Context, args []string, output, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	kept, err := o.readKept()
	if err != nil {
		return err
	}
	h := newHead(ctx) // before the load that this run makes itself
	r, err := measure(ctx, o, &messages{to: progress})
	if err != nil {
		return err
	}
	if err := o.publish(h.String()+r.report(), output); err != nil {
		return err
	}
	if o.save != "" {
		if err := newBaseline(h, r).write(o.save); err != nil {
			return err
		}
	}
	if o.check == "" {
		return nil
	}
	return kept.check(r.summary(), output)
}

// publish writes the tables to where they are asked for.
func (o options) publish(text string, output io.Writer) error {
	fmt.Fprint(output, text)
	if o.outFile == "" {
		return nil
	}
	return os.WriteFile(o.outFile, []byte(text), 0o644)
}

// measure measures the rows that are asked for.
func measure(ctx context.Context, o options, progress io.Writer) (r *results, err error) {
	err = withBench(ctx, o, progress, func(b *bench) error {
		r, err = b.measure(ctx)
		return err
	})
	return r, err
}

// withBench starts what a run needs.
func withBench(ctx context.Context, o options, progress io.Writer, f func(*bench) error) (err error) {
	b, err := startBroker(ctx, o, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	p, err := buildProxy(ctx, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	bench, err := newBench(o, b, p, progress)
	if err != nil {
		return err
	}
	defer bench.close()
	return f(bench)
}
