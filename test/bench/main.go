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
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == embeddedCommand {
		exit(serveEmbedded(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
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

// options are what a run is asked for.
type options struct {
	records, rounds int
	broker          string // address of one that runs already
	embedded        bool
	outFile         string
	profiles        string // folder for the proxy's profiles
}

func parse(args []string, messages io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.IntVar(&o.records, "records", 1_000_000, "`number` of records of a round, at least 1000")
	flags.IntVar(&o.rounds, "rounds", 5, "`number` of rounds that count; one more comes before them")
	flags.StringVar(&o.broker, "broker", "", "`host:port` of a broker that runs already (default: an Apache Kafka is started)")
	flags.BoolVar(&o.embedded, "embedded", false, "use the fake broker, in a process of its own")
	flags.StringVar(&o.outFile, "out-file", "", "`file` that gets the table too, as Markdown")
	flags.StringVar(&o.profiles, "profiles", "", "`folder` that gets CPU and allocation profiles of the proxy, of one more round")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	return o, o.check(flags.Args())
}

func (o options) check(arguments []string) error {
	switch {
	case len(arguments) > 0:
		return fmt.Errorf("unexpected argument %q", arguments[0])
	case o.records < 1000 || o.rounds < 1:
		return errors.New("at least 1000 records and one round are needed")
	case o.embedded && o.broker != "":
		return errors.New("--embedded excludes --broker")
	}
	return nil
}

// run measures, and writes the table to output and progress to messages.
func run(ctx context.Context, args []string, output, messages io.Writer) (err error) {
	o, err := parse(args, messages)
	if err != nil {
		return err
	}
	b, err := startBroker(ctx, o, messages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	p, err := startProxy(ctx, b.addr, o.profiles != "", messages)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	bench, err := newBench(o, b, p, messages)
	if err != nil {
		return err
	}
	defer bench.close()
	if err := bench.measure(ctx); err != nil {
		return err
	}
	text := bench.report()
	fmt.Fprint(output, text)
	if o.outFile == "" {
		return nil
	}
	return os.WriteFile(o.outFile, []byte(text), 0o644)
}
