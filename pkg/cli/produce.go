package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/time/rate"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

type produceFlags struct {
	connect          connectFlags
	topic            string
	json, partitions bool
	separator        string
	formats          formatFlags
	emptyIsNull      bool
	key              string
	headers          []string
	partition        int32
	onError          string
	fromLine         int
	rate             int
	instance         string
	progress         bool
}

// produce writes the lines of its input.
func produce(p Process) *cobra.Command {
	var f produceFlags
	c := &cobra.Command{
		Use: "produce [FILE]", Args: argumentsUpTo(1),
		Short: "Write each line of standard input, or of a file, as a message",
		Long: `Write each line of standard input, or of a file, as a message, and end when all are acknowledged.

With -J each line is a message in JSON, as consume -J prints records: its key, value, headers and timestamp are written, and tombstones
are. So "wsproxy consume -J" piped into "wsproxy produce -J" copies a topic.

Exit codes: 0 all lines were acknowledged; 1 the proxy cannot be reached, or has ended the connection for good; 2 a mistake in the flags; 3 a
line was refused; 130 interrupted. What was acknowledged is said at the end, and from which line on to go on.`,
		Example: `  wsproxy produce --url ws://127.0.0.1:8078 --topic demo < lines.txt
  wsproxy produce -t demo -K: prices.txt
  wsproxy consume -t orders --until-end -J | wsproxy produce -t orders-copy -J`,
		RunE: func(c *cobra.Command, args []string) error { return runProduce(c.Context(), p, &f, args) },
	}
	f.connect.add(c)
	flags := c.Flags()
	flags.StringVarP(&f.topic, "topic", "t", "", "topic to write to")
	flags.BoolVarP(&f.json, "json", "J", false, "lines are messages in JSON, or arrays of them")
	flags.BoolVar(&f.partitions, "keep-partitions", false, "with -J: write to the partitions that messages name")
	flags.StringVarP(&f.separator, "key-separator", "K", "", "what is between key and value in a line")
	f.formats.add(c)
	flags.BoolVarP(&f.emptyIsNull, "null", "Z", false, "an empty key is null, and an empty value a tombstone")
	flags.StringVarP(&f.key, "key", "k", "", "key of all messages")
	flags.StringArrayVarP(&f.headers, "header", "H", nil, "header of all messages, as name=value; may be repeated")
	flags.Int32VarP(&f.partition, "partition", "p", proxy.AnyPartition, "partition to write to (default: the key decides)")
	flags.StringVar(&f.instance, "instance-id", "", "name among the producers with this client id, where the proxy wants producers to have sessions")
	flags.StringVar(&f.onError, "on-error", "stop", "what to do with a line that is refused: stop, or skip")
	flags.IntVar(&f.fromLine, "from-line", 1, "the first line to write: go on where an earlier run has ended")
	flags.IntVar(&f.rate, "rate", 0, "most messages a second")
	flags.BoolVar(&f.progress, "progress", true, "show on a terminal how far it is")
	return c
}

func runProduce(ctx context.Context, p Process, f *produceFlags, args []string) error {
	parser, err := f.parser()
	if err != nil {
		return usageError{err}
	}
	input, size, err := openInput(p, args)
	if err != nil {
		return usageError{err}
	}
	defer func() { _ = input.Close() }()
	c, shown, err := f.connect.clientWithProgress(&p)
	if err != nil {
		return err
	}
	w := &writing{
		producer: c.Producer(client.ProducerOptions{Topic: f.topic, InstanceID: f.instance}),
		lines:    newLines(interruptible(ctx, input, size)), parse: parser, skip: f.onError == "skip", stderr: p.Stderr, from: f.fromLine, tally: newTally(f.fromLine),
	}
	defer w.producer.Close()
	if f.rate > 0 {
		w.pace = rate.NewLimiter(rate.Limit(f.rate), max(1, f.rate/10))
	}
	stop := func() {}
	if f.progress {
		stop = shown.show(func() string { return w.tally.progress(size) })
	}
	err = w.run(ctx)
	stop()
	w.producer.Close() // which tells of each message that is left whether it was sent
	return w.conclude(ctx, err)
}

// openInput opens the file, or takes standard input. size is in bytes, 0 where it is not known.
func openInput(p Process, args []string) (input io.ReadCloser, size int64, err error) {
	if len(args) == 0 || args[0] == "-" {
		return io.NopCloser(p.Stdin), sizeOf(p.Stdin), nil
	}
	file, err := os.Open(args[0])
	if err != nil {
		return nil, 0, err //nolint:wrapcheck // it names the file
	}
	return file, sizeOf(file), nil
}

// interruptible returns a reader whose Read fails when ctx has ended, also where that of the input waits on: for a pipe or a terminal. The
// goroutine that waits there ends with the process.
func interruptible(ctx context.Context, input io.Reader, size int64) io.Reader {
	if size > 0 {
		return input
	}
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, input)
		_ = w.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { _ = r.CloseWithError(context.Cause(ctx)) })
	return r
}

// sizeOf returns the size of a regular file, else 0.
func sizeOf(input io.Reader) int64 {
	file, ok := input.(*os.File)
	if !ok {
		return 0
	}
	if about, err := file.Stat(); err == nil && about.Mode().IsRegular() {
		return about.Size()
	}
	return 0
}

func (f *produceFlags) check() error {
	isText := f.separator != "" || f.key != "" || len(f.headers) > 0 || f.emptyIsNull || f.partition != proxy.AnyPartition
	switch {
	case f.topic == "":
		return errNoTopic
	case f.onError != "stop" && f.onError != "skip":
		return fmt.Errorf("--on-error is %q: it must be stop or skip", f.onError)
	case f.fromLine < 1:
		return fmt.Errorf("--from-line is %d: the first line is 1", f.fromLine)
	case f.rate < 0:
		return fmt.Errorf("--rate is %d: it must be 1 or more, and without it there is no limit", f.rate)
	case f.json && isText:
		return errors.New("--json excludes --key-separator, --key, --header, --null and --partition: the messages say that")
	case f.separator != "" && f.key != "":
		return errors.New("--key-separator and --key exclude each other: with the first, each line has a key of its own")
	}
	return nil
}

// parser returns what makes messages of a line.
func (f *produceFlags) parser() (func(line []byte) ([]client.Message, error), error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	key, value, err := f.formats.parse()
	if err != nil {
		return nil, err
	}
	if f.json {
		return newJSONParser(key, value, f.partitions), nil
	}
	t := textParser{separator: []byte(f.separator), keyFormat: key, valueFormat: value, emptyIsNull: f.emptyIsNull}
	if f.key != "" {
		t.key = []byte(f.key)
	}
	if f.partition != proxy.AnyPartition {
		t.partition = &f.partition
	}
	for _, h := range f.headers {
		name, text, ok := strings.Cut(h, "=")
		if !ok {
			return nil, fmt.Errorf("--header is %q: it must be name=value", h)
		}
		t.headers = append(t.headers, client.Header{Key: name, Value: []byte(text)})
	}
	return t.parse, nil
}

// errNoTopic is the mistake that is made first.
var errNoTopic = errors.New("no topic is named: give --topic NAME")
