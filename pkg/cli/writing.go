package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/time/rate"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// mostSkipped is how many refused lines are told by themselves.
const mostSkipped = 1000

// writing is one run of produce.
type writing struct {
	producer *client.Producer
	lines    *lines
	parse    func(line []byte) ([]client.Message, error)
	pace     *rate.Limiter // nil for no limit
	skip     bool          // whether to go on after a line that is refused
	from     int           // the first line to write
	stderr   io.Writer
	tally    *tally

	mu      sync.Mutex // guards what follows
	refused *lineError // the first refusal that is to end the run
	told    int        // refusals that were told
}

// lineError is why a line was not written.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func (e *lineError) Unwrap() error { return e.err }

// run writes the lines, and waits until all that were handed over are answered. The error is nil where nothing but lines that are to be skipped was
// refused.
func (w *writing) run(ctx context.Context) error {
	err := w.writeAll(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if flushed := w.producer.Flush(ctx); err == nil || errors.As(err, new(*lineError)) && flushed != nil {
		err = flushed
	}
	if err == nil {
		if first := w.firstRefused(); first != nil {
			err = first
		}
	}
	return err
}

func (w *writing) writeAll(ctx context.Context) error {
	for {
		line, err := w.lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if w.lines.n < w.from {
			continue
		}
		w.tally.read(w.lines.read)
		messages, err := w.parse(line)
		if err != nil {
			w.refuse(&lineError{w.lines.n, err})
		}
		for i := range messages {
			if err := w.hand(ctx, &messages[i]); err != nil {
				return err
			}
		}
		w.tally.passed(w.lines.n)
		if first := w.firstRefused(); first != nil {
			return first
		}
	}
}

// hand hands a message over. Its error is why the producer cannot go on.
func (w *writing) hand(ctx context.Context, m *client.Message) error {
	if w.pace != nil {
		if err := w.pace.Wait(ctx); err != nil {
			return err //nolint:wrapcheck // ctx has ended
		}
	}
	line := w.lines.n
	w.tally.sent(line)
	err := w.producer.Enqueue(ctx, *m, func(ack client.Ack, err error) { w.answered(line, ack, err) })
	if err == nil {
		return nil
	}
	w.tally.withdrawn()
	var e *client.Error
	if errors.As(err, &e) && e.Close == 0 && e.Status == 0 { // it does not fit its format
		w.refuse(&lineError{line, err})
		return nil
	}
	return err
}

func (w *writing) answered(line int, ack client.Ack, err error) {
	var e *client.Error
	switch {
	case err == nil:
		w.tally.acknowledged(ack.Sends)
	case errors.As(err, &e) && e.Status == 0 && (e.Close == 0 || e.Code == "MESSAGE_TOO_LARGE"):
		w.tally.refused()
		w.refuse(&lineError{line, err})
	case ack.Sends == 0:
		w.tally.unwritten()
	}
}

// refuse tells of a line that was not written. Unless such lines are to be skipped, the first one ends the run.
func (w *writing) refuse(e *lineError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told++
	if !w.skip && w.refused == nil {
		w.refused = e
	}
	switch {
	case w.told < mostSkipped:
		fmt.Fprintf(w.stderr, "wsproxy: %v\n", e)
	case w.told == mostSkipped:
		fmt.Fprintf(w.stderr, "wsproxy: %v; further ones are not told\n", e)
	}
}

func (w *writing) firstRefused() *lineError {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

// conclude says what was acknowledged, and returns the error with which the command ends.
func (w *writing) conclude(ctx context.Context, err error) error {
	w.mu.Lock()
	told := w.told
	w.mu.Unlock()
	var line *lineError
	summary := w.tally.summary()
	switch {
	case err == nil && told == 0:
		if again := w.tally.sentAgain(); again != "" {
			fmt.Fprintf(w.stderr, "wsproxy: all lines were acknowledged%s\n", again)
		}
		return nil
	case err == nil:
		return refused(fmt.Errorf("wsproxy: %d lines were refused and left out; %s", told, summary))
	case errors.As(err, &line):
		return refused(fmt.Errorf("wsproxy: ended at a line that was refused; %s", summary))
	}
	fmt.Fprintf(w.stderr, "wsproxy: %s\n", summary)
	return ended(ctx, err)
}
