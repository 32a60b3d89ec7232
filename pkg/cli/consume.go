package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// readFlags are those of all commands that print records.
type readFlags struct {
	connect                connectFlags
	topic                  string
	from                   string
	untilEnd               bool
	count                  int
	keys, keyPrefixes      []string
	where                  string
	committed              bool
	rate                   int
	printing               printFlags
	group, commit          string // of consume
	snapshot               bool   // of tail
	slow                   string // of tail
	keyFormat, valueFormat proxy.Format
}

func (f *readFlags) add(c *cobra.Command, from string) {
	f.connect.add(c)
	flags := c.Flags()
	flags.StringVarP(&f.topic, "topic", "t", "", "topic to read")
	flags.StringVarP(&f.from, "from", "o", from, "where to begin: earliest, latest, last:N, timestamp:MS, offset:P:O or cursor:TOKEN")
	flags.BoolVarP(&f.untilEnd, "until-end", "e", false, "end behind what the topic holds at the start")
	flags.IntVarP(&f.count, "count", "c", 0, "end after so many records")
	flags.StringArrayVar(&f.keys, "key", nil, "only records with this key; may be repeated")
	flags.StringArrayVar(&f.keyPrefixes, "key-prefix", nil, "only records whose key begins so; may be repeated")
	flags.StringVar(&f.where, "where", "", `only records that meet a condition, such as '{"json":"/region","eq":"eu"}'`)
	flags.BoolVar(&f.committed, "committed", false, "leave out records of transactions that are not committed")
	flags.IntVar(&f.rate, "rate", 0, "most records a second")
	f.printing.add(c)
}

// consume prints records.
func consume(p Process) *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use: "consume", Args: noArguments,
		Short: "Print records, one value a line: all of a topic, or as a member of a group",
		Long: `Print the records of a topic, one value a line, from its oldest record on.

With --group the command is a member of a consumer group, which shares the topic with the others and goes on where the group was. A
record is committed when it was written to standard output; with --commit=manual nothing is, so that the next run begins there again.

Exit codes: 0 the end, or the count, was reached, or nobody reads the output; 1 the proxy cannot be reached, or has ended the connection for good;
2 a mistake in the flags; 130 interrupted.`,
		Example: `  wsproxy consume --url ws://127.0.0.1:8078 --topic demo --until-end
  wsproxy consume -t prices -e -f '%t [%p] at %o: key %k: %s\n'
  wsproxy consume -t orders --group billing -J`,
		RunE: func(c *cobra.Command, _ []string) error { return runConsume(c, p, &f) },
	}
	f.add(c, "earliest")
	flags := c.Flags()
	flags.StringVarP(&f.group, "group", "G", "", "consumer group to be a member of (default: none, all is read)")
	flags.StringVar(&f.commit, "commit", "auto", "with --group: auto, or manual, which commits nothing")
	return c
}

// tail prints what is written to a topic.
func tail(p Process) *cobra.Command {
	var f readFlags
	c := &cobra.Command{
		Use: "tail", Args: noArguments,
		Short: "Print what is written to a topic from now on",
		Long: `Print what is written to a topic from now on, and say on standard error what does not come: gaps, and records that newer ones of their
keys have replaced. After a break it goes on where it was.

Exit codes are those of consume.`,
		Example: `  wsproxy tail --url ws://127.0.0.1:8078 --topic demo --key sensor-1
  wsproxy tail -t prices --snapshot -f '%k %s\n'
  wsproxy tail -t orders --from last:10 --where '{"json":"/region","eq":"eu"}'`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return usageError{err}
			}
			return f.run(c.Context(), p, f.tail)
		},
	}
	f.add(c, "latest")
	flags := c.Flags()
	flags.BoolVar(&f.snapshot, "snapshot", false, "print the newest record of each key first, of a compacted topic")
	flags.StringVar(&f.slow, "slow", "wait", "what becomes of a reader that cannot keep up: wait, skip, latest or close")
	return c
}

func runConsume(c *cobra.Command, p Process, f *readFlags) error {
	if err := f.check(); err != nil {
		return usageError{err}
	}
	read := f.tail
	if f.group != "" {
		if err := f.checkGroup(c.Flags().Changed("from")); err != nil {
			return usageError{err}
		}
		read = f.consume
	} else if c.Flags().Changed("commit") {
		return usageError{errors.New("--commit goes with --group: nothing else has a position")}
	}
	return f.run(c.Context(), p, read)
}

func (f *readFlags) check() (err error) {
	if f.keyFormat, f.valueFormat, err = f.printing.formats.parse(); err != nil {
		return err
	}
	if f.topic == "" {
		return errNoTopic
	}
	if f.count < 0 {
		return fmt.Errorf("--count is %d: it must be 1 or more, and without it all are printed", f.count)
	}
	if f.rate < 0 {
		return fmt.Errorf("--rate is %d: it must be 1 or more, and without it there is no limit", f.rate)
	}
	return f.printing.check()
}

// checkGroup refuses what a member of a group cannot have.
func (f *readFlags) checkGroup(fromGiven bool) error {
	switch {
	case f.commit != "auto" && f.commit != "manual":
		return fmt.Errorf("--commit is %q: it must be auto or manual", f.commit)
	case f.untilEnd, len(f.keys) > 0, len(f.keyPrefixes) > 0, f.where != "":
		return errors.New("--until-end, --key, --key-prefix and --where are for reading without --group: leave that out, or these")
	case fromGiven && f.from != "earliest" && f.from != "latest" && f.from != "none":
		return fmt.Errorf("--from is %q: with --group it says where a new group begins, earliest, latest or none", f.from)
	}
	return nil
}

// run reads until the end, and returns the error with which the command ends.
func (f *readFlags) run(ctx context.Context, p Process, read func(context.Context, *client.Client, *printer) error) error {
	c, err := f.connect.client(p)
	if err != nil {
		return err
	}
	reading, end := context.WithCancelCause(ctx)
	defer end(nil)
	out := newPrinter(p, &f.printing, f.keyFormat, f.valueFormat, end)
	err = read(reading, c, out)
	if flushed := out.close(); err == nil {
		err = flushed
	}
	return ended(ctx, err)
}

// buffer is how many records come ahead of what is printed.
const buffer = 4096

func (f *readFlags) consume(ctx context.Context, c *client.Client, out *printer) error {
	o := client.ConsumeOptions{
		Topic: f.topic, Group: f.group, Reset: f.from, KeyFormat: f.keyFormat, ValueFormat: f.valueFormat, ReadCommitted: f.committed,
		Rate: f.rate, Buffer: buffer, ManualCommit: f.commit == "manual", BeforeCommit: out.flush,
	}
	n := 0
	for record, err := range c.Consume(ctx, o) {
		if err != nil {
			return err
		}
		if err := out.print(record); err != nil {
			return err
		}
		if n++; n == f.count {
			return f.commitLast(ctx, record, out)
		}
	}
	return nil
}

// commitLast commits the record with which the command ends: the loop will not ask for another one, which would commit it.
func (f *readFlags) commitLast(ctx context.Context, r *client.Record, out *printer) error {
	if err := out.flush(); err != nil || f.commit == "manual" {
		return err
	}
	if err := r.Commit(ctx); err != nil {
		return fmt.Errorf("committing the last record: %w", err)
	}
	return nil
}

func (f *readFlags) tail(ctx context.Context, c *client.Client, out *printer) error {
	o := client.TailOptions{
		Topics: strings.Split(f.topic, ","), From: f.from, UntilEnd: f.untilEnd, Snapshot: f.snapshot, Keys: f.keys, KeyPrefixes: f.keyPrefixes, Where: f.where,
		KeyFormat: f.keyFormat, ValueFormat: f.valueFormat, ReadCommitted: f.committed, Rate: f.rate, Buffer: buffer, Slow: f.slow,
	}
	n := 0
	for e, err := range c.Tail(ctx, o) {
		if err != nil {
			return err
		}
		if e.Record == nil {
			out.tell(&e)
			continue
		}
		if err := out.print(e.Record); err != nil {
			return err
		}
		if n++; n == f.count {
			return nil
		}
	}
	return nil
}
