package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

type benchFlags struct {
	connect         connectFlags
	topic           string
	messages, paced int
	size, inFlight  int
	rate            int
	json            bool
	wait            time.Duration
}

// bench measures a running proxy from outside, as clients see it.
func bench(p Process) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use: "bench", Args: noArguments,
		Short: "Measure a running proxy: records a second, and how long they take",
		Long: `Measure a running proxy from where this command runs, in two parts:

As fast as it goes: --messages are written through one connection with --in-flight of them unanswered, and then read again from the topic.
Percentiles are how long a message waits for its ack when there are as many before it.

At a pace: --paced messages are written at --rate a second, while another connection reads the end of the topic. Percentiles are how long it takes from the
moment at which a message is due until its ack, and until it is read.

The records stay in the topic: take one for this, whose records Kafka deletes soon. Others may write to it meanwhile. Every record that was acknowledged is
counted when it is read. Memory does not grow with the number of messages.

Exit codes: 0 all was read; 1 the proxy cannot be reached, or a record that was acknowledged does not come; 2 a mistake in the flags; 3 a message
was refused; 130 interrupted.`,
		Example: `  wsproxy bench --url ws://127.0.0.1:8078 --topic bench
  wsproxy bench -t bench --messages 1000000 --size 1000 --paced 60000 --rate 2000`,
		RunE: func(c *cobra.Command, _ []string) error { return runBench(c.Context(), p, &f) },
	}
	f.connect.add(c)
	flags := c.Flags()
	flags.StringVarP(&f.topic, "topic", "t", "", "topic to write to and to read")
	flags.IntVarP(&f.messages, "messages", "n", 100_000, "messages to write as fast as it goes, 0 for none")
	flags.IntVar(&f.paced, "paced", 5_000, "messages to write at a pace, 0 for none")
	flags.IntVar(&f.rate, "rate", 1_000, "paced messages a second")
	flags.IntVar(&f.size, "size", 200, "bytes of a value")
	flags.IntVar(&f.inFlight, "in-flight", 2_000, "most messages that are unanswered")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long after the last ack a paced record may come")
	flags.BoolVarP(&f.json, "json", "J", false, "print the results as JSON")
	return c
}

func (f *benchFlags) check() error {
	switch {
	case f.topic == "":
		return errNoTopic
	case f.messages < 0 || f.paced < 0 || f.messages > mostMessages || f.paced > mostMessages:
		return fmt.Errorf("--messages is %d and --paced %d: both must be 0 to %d", f.messages, f.paced, mostMessages)
	case f.messages+f.paced == 0:
		return errors.New("there is nothing to measure: --messages and --paced are 0")
	case f.wait <= 0:
		return fmt.Errorf("--wait is %v: it must be more than 0, such as 30s", f.wait)
	case f.rate < 1 || f.inFlight < 1:
		return fmt.Errorf("--rate is %d and --in-flight %d: both must be 1 or more", f.rate, f.inFlight)
	case f.size < 1 || f.size > mostSize:
		return fmt.Errorf("--size is %d: it must be 1 to %d bytes", f.size, mostSize)
	}
	return nil
}

const (
	// mostMessages bounds what remembers which messages were read: a bit for each, 12 MB.
	mostMessages = 100_000_000
	mostSize     = 16 << 20
)

func runBench(ctx context.Context, p Process, f *benchFlags) error {
	if err := f.check(); err != nil {
		return usageError{err}
	}
	c, shown, err := f.connect.clientWithProgress(&p)
	if err != nil {
		return err
	}
	m := &measuring{client: c, flags: f, id: "bench-" + strings.ToLower(rand.Text()[:10]) + "-", began: time.Now(), filler: filler(f.size)}
	stop := shown.show(m.progress)
	results, err := m.run(ctx)
	stop()
	if len(results) > 0 { // also of the parts before one that has failed
		if printed := printResults(p.Stdout, results, f.json); err == nil {
			err = printed
		}
	}
	return ended(ctx, err)
}

// run measures one thing after another.
func (m *measuring) run(ctx context.Context) (results []result, err error) {
	if m.flags.messages > 0 {
		written, from, err := m.write(ctx, part{"written, as fast as it goes", m.flags.messages, 0})
		if err != nil {
			return results, err
		}
		results = append(results, written)
		read, err := m.read(ctx, from)
		if err != nil {
			return results, err
		}
		results = append(results, read)
	}
	if m.flags.paced > 0 {
		written, read, err := m.pace(ctx)
		if err != nil {
			return results, err
		}
		results = append(results, written, read)
	}
	return results, nil
}

// errLost is the error for records that Kafka has and that do not come.
func errLost(read, acked int) error {
	return fmt.Errorf("of %d records that were acknowledged %d were read: the others do not come. Does something delete or compact the topic?", acked, read)
}

// tailing reads the topic.
func (m *measuring) tailing(from string, untilEnd bool) client.TailOptions {
	return client.TailOptions{Topics: []string{m.flags.topic}, From: from, UntilEnd: untilEnd, Buffer: buffer}
}
