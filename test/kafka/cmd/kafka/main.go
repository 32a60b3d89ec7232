// Command kafka runs an Apache Kafka of one broker, without containers, until it is
// interrupted. Standard output gets one line: the bootstrap address.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
		os.Exit(1)
	}
}

// run runs a broker until ctx ends. Output gets the address, messages get the rest, from
// several goroutines at once if the broker's log is asked for.
func run(ctx context.Context, args []string, output, messages io.Writer) error {
	options, err := parse(args, messages)
	if err != nil {
		return err
	}
	fmt.Fprintf(messages, "Starting Kafka %s; the first time this downloads it.\n", kafka.BrokerVersion)
	b, err := kafka.Start(ctx, options)
	if err != nil {
		return err
	}
	fmt.Fprintln(output, b.Addr())
	fmt.Fprintf(messages, "Kafka %s serves (process %d). Ctrl-C stops it.\n", kafka.BrokerVersion, b.PID())
	return errors.Join(serve(ctx, b), b.Close())
}

// serve waits for the end of ctx or of the broker, and stops the broker.
func serve(ctx context.Context, b *kafka.Broker) error {
	select {
	case <-ctx.Done():
	case <-b.Done():
		// A terminal's Ctrl-C reaches the broker as well, and may end it first.
		if ctx.Err() == nil {
			return fmt.Errorf("the broker ended by itself:\n%s", b.LogTail())
		}
	}
	if err := b.Stop(); err != nil && !errors.Is(err, kafka.ErrNotRunning) {
		return err
	}
	return nil
}

func parse(args []string, messages io.Writer) (kafka.Options, error) {
	options := kafka.Options{Properties: map[string]string{}}
	flags := flag.NewFlagSet("kafka", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.IntVar(&options.Port, "port", 9092, "`port` for clients on 127.0.0.1; 0 takes a free one")
	flags.StringVar(&options.DataDir, "data", "", "`folder` to keep records in; without it they go at the end")
	flags.IntVar(&options.HeapMiB, "heap", 0, "most `MiB` of heap (default 192)")
	flags.Func("set", "`key=value` for server.properties; may be repeated", func(text string) error {
		return setProperty(options.Properties, text)
	})
	verbose := flags.Bool("verbose", false, "show the broker's log")
	if err := flags.Parse(args); err != nil {
		return kafka.Options{}, err
	}
	if flags.NArg() > 0 {
		return kafka.Options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *verbose {
		options.Log = messages
	}
	return options, nil
}

func setProperty(properties map[string]string, text string) error {
	key, value, found := strings.Cut(text, "=")
	if !found || key == "" {
		return fmt.Errorf("%q is not key=value", text)
	}
	properties[key] = value
	return nil
}
