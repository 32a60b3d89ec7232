package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// rejectCode is the exit code by which a command says that nobody can do its task: EX_DATAERR of sysexits.h.
const rejectCode = 65

type workFlags struct {
	connect         connectFlags
	topic, group    string
	from            string
	parallel, count int
	formats         formatFlags
}

// work runs a command for each record of a queue.
func work(p Process) *cobra.Command {
	var f workFlags
	c := &cobra.Command{
		Use: "work -- COMMAND [ARGUMENT...]", Args: cobra.ArbitraryArgs,
		Short: "Run a command for each record of a queue, and settle the record by its exit code",
		Long: `Run a command for each record of a queue, which any number of workers share record by record. The command has the value as its standard input,
and RECORD_TOPIC, _PARTITION, _OFFSET, _KEY, _TIMESTAMP and _COUNT, which is how often the record was handed out, in its
environment. While it runs, the record's lock is renewed.

Its exit code settles the record: 0 accepts it, 65 rejects it, so that nobody gets it again, and all others release it for another try.

Exit codes: 0 the count was reached; 1 the proxy cannot be reached, or has ended the connection for good; 2 a mistake in the flags; 130
interrupted. Commands that run then are ended, and their records released.`,
		Example: `  wsproxy work --url ws://127.0.0.1:8078 --topic mails --group senders -- ./send-mail
  wsproxy work -t images -g thumbnails --parallel 4 -- sh -c 'convert - -resize 100 "$RECORD_KEY.png"'`,
		RunE: func(c *cobra.Command, args []string) error { return runWork(c.Context(), p, &f, args) },
	}
	f.connect.add(c)
	flags := c.Flags()
	flags.StringVarP(&f.topic, "topic", "t", "", "topic to take records of")
	flags.StringVarP(&f.group, "group", "g", "", "share group whose workers share the topic")
	flags.StringVarP(&f.from, "from", "o", "earliest", "where a new group begins: earliest or latest")
	flags.IntVar(&f.parallel, "parallel", 1, "how many commands run at a time")
	flags.IntVarP(&f.count, "count", "c", 0, "end after so many records")
	f.formats.add(c)
	return c
}

func runWork(ctx context.Context, p Process, f *workFlags, command []string) error {
	switch {
	case f.topic == "":
		return usageError{errNoTopic}
	case f.group == "":
		return usageError{errors.New("no group is named: give --group NAME")}
	case len(command) == 0:
		return usageError{errors.New("no command is given: put it behind --, as in wsproxy work -t mails -g senders -- ./send-mail")}
	case f.parallel < 1 || f.parallel > 1000:
		return usageError{fmt.Errorf("--parallel is %d: it must be 1 to 1000", f.parallel)}
	}
	key, value, err := f.formats.parse()
	if err != nil {
		return usageError{err}
	}
	c, err := f.connect.client(p)
	if err != nil {
		return err
	}
	w := &worker{process: p, command: command, free: make(chan struct{}, f.parallel)}
	o := client.QueueOptions{Topic: f.topic, Group: f.group, Reset: f.from, KeyFormat: key, ValueFormat: value, Window: f.parallel}
	n := 0
	for task, err := range c.Queue(ctx, o) {
		if err != nil {
			w.running.Wait()
			return ended(ctx, err)
		}
		if w.take(ctx, task); ctx.Err() != nil {
			continue
		}
		if n++; n == f.count {
			w.running.Wait() // before the end of the connection releases what they hold
			break
		}
	}
	w.running.Wait()
	return nil
}

// worker runs commands.
type worker struct {
	process Process
	command []string
	free    chan struct{} // a place for each command that may run
	running sync.WaitGroup
	output  sync.Mutex // of the process
}

// take begins a task when there is a place for it.
func (w *worker) take(ctx context.Context, t *client.Task) {
	select {
	case w.free <- struct{}{}:
	case <-ctx.Done():
		return
	}
	t.Detach()
	w.running.Go(func() {
		defer func() { <-w.free }()
		w.settle(ctx, t, w.run(ctx, t))
	})
}

// run runs the command for a task, and renews the task's lock meanwhile.
func (w *worker) run(ctx context.Context, t *client.Task) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer cancel()
	renewing.Go(func() { w.renew(ctx, t) })
	c := exec.CommandContext(ctx, w.command[0], w.command[1:]...) //nolint:gosec // the user says what to run
	c.WaitDelay = time.Second
	c.Stdin = bytes.NewReader(t.Value)
	c.Stdout, c.Stderr = &locked{&w.output, w.process.Stdout}, &locked{&w.output, w.process.Stderr}
	c.Env = append(c.Environ(),
		"RECORD_TOPIC="+t.Topic, "RECORD_PARTITION="+strconv.Itoa(int(t.Partition)), "RECORD_OFFSET="+strconv.FormatInt(t.Offset, 10),
		"RECORD_KEY="+string(bytes.ReplaceAll(t.Key, []byte{0}, nil)), "RECORD_TIMESTAMP="+strconv.FormatInt(t.Timestamp, 10),
		"RECORD_COUNT="+strconv.Itoa(t.Count))
	return c.Run() //nolint:wrapcheck // an exit code
}

// locked is an output of the process that commands share.
type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b) //nolint:wrapcheck // as it is
}

// renew renews the lock of a task when a half of it is over.
func (w *worker) renew(ctx context.Context, t *client.Task) {
	for {
		timer := time.NewTimer(max(time.Until(t.Until)/2, time.Second))
		select {
		case <-timer.C:
			if err := t.Renew(ctx); err != nil && ctx.Err() == nil {
				w.tell(t, err)
				return
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// settle tells what became of a task. ctx is not asked: a command that has ended is told of, also when the process is to end.
func (w *worker) settle(ctx context.Context, t *client.Task, failed error) {
	var exit *exec.ExitError
	ending := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	var err error
	switch {
	case failed == nil:
		err = t.Accept(ctx)
	case errors.As(failed, &exit) && exit.ExitCode() == rejectCode && !ending:
		err = t.Reject(ctx)
		w.tell(t, errors.New("rejected"))
	default:
		err = t.Release(ctx)
		w.tell(t, fmt.Errorf("released: %w", failed))
	}
	if err != nil {
		w.tell(t, err)
	}
}

// settleTimeout is how long Kafka may take to learn of a task.
const settleTimeout = 10 * time.Second

func (w *worker) tell(t *client.Task, err error) {
	w.output.Lock()
	defer w.output.Unlock()
	fmt.Fprintf(w.process.Stderr, "wsproxy: %s, partition %d, offset %d, handed out %d times: %v\n", t.Topic, t.Partition, t.Offset, t.Count, err)
}
