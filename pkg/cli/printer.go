package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// printFlags say what of a record is printed, and how.
type printFlags struct {
	json      bool
	format    string
	separator string
	null      bool
	formats   formatFlags

	parsed []piece
}

func (f *printFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVarP(&f.json, "json", "J", false, "print each record as a line of JSON, which produce -J takes")
	flags.StringVarP(&f.format, "format", "f", "", `format string: %s value, %k key, %S %K their lengths, %R the value's as 4 bytes, %T timestamp,
%h headers, %t topic, %p partition, %o offset, %%, \n \r \t \\ \xHH`)
	flags.StringVarP(&f.separator, "key-separator", "K", "", "print the key too, and this between it and the value")
	flags.BoolVarP(&f.null, "null", "Z", false, "print NULL for a key or a value that is null")
	f.formats.add(c)
}

func (f *printFlags) check() (err error) {
	given := 0
	for _, is := range []bool{f.json, f.format != "", f.separator != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return errors.New("--json, --format and --key-separator exclude each other: give one of them")
	}
	format := "%s\n"
	switch {
	case f.format != "":
		format = f.format
	case f.separator != "":
		format = "%k" + escapeFormat(f.separator) + "%s\n"
	}
	f.parsed, err = parseFormat(format)
	return err
}

// printer prints records. What it has printed is written when it is much, and otherwise soon: flushEvery.
type printer struct {
	flags      *printFlags
	key, value proxy.Format
	stderr     io.Writer
	encoders   map[string]codec.Out // by topic, for JSON
	line       []byte
	failed     func(error) // is told why nothing is written anymore

	mu      sync.Mutex // guards what follows
	out     *bufio.Writer
	err     error // why nothing is written anymore
	waiting bool  // whether something waits to be written
	over    chan struct{}
	flushes sync.WaitGroup
}

// flushEvery is how long a record may wait to be written with others.
const flushEvery = 50 * time.Millisecond

// newPrinter returns a printer that calls failed when what it has printed cannot be written, which may be while it waits for another record.
func newPrinter(p Process, f *printFlags, key, value proxy.Format, failed func(error)) *printer {
	o := &printer{
		failed: failed,
		flags:  f, key: key, value: value, stderr: p.Stderr, encoders: make(map[string]codec.Out),
		out: bufio.NewWriterSize(p.Stdout, 64<<10), over: make(chan struct{}),
	}
	o.flushes.Go(o.flushSoon)
	return o
}

func (o *printer) flushSoon() {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = o.flush()
		case <-o.over:
			return
		}
	}
}

// flush writes what was printed.
func (o *printer) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting && o.err == nil {
		o.waiting = false
		if o.err = o.out.Flush(); o.err != nil {
			o.failed(o.err)
		}
	}
	return o.err
}

// close writes what was printed, and ends the printer.
func (o *printer) close() error {
	close(o.over)
	o.flushes.Wait()
	return o.flush()
}

// print prints a record.
func (o *printer) print(r *client.Record) error {
	if o.flags.json {
		o.line = append(o.asJSON(o.line[:0], r), '\n')
	} else {
		o.line = o.format(o.line[:0], r)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = o.out.Write(o.line)
		o.waiting = true
	}
	if o.err != nil {
		return fmt.Errorf("writing to standard output: %w", o.err)
	}
	return nil
}

// asJSON appends the record as /socket/out delivers it.
func (o *printer) asJSON(dst []byte, r *client.Record) []byte {
	encoder := o.encoders[r.Topic]
	if encoder == nil {
		encoder = codec.NewJSONOut(codec.OutSettings{Topic: r.Topic, KeyFormat: o.key, ValueFormat: o.value})
		o.encoders[r.Topic] = encoder
	}
	dst, _ = encoder.AppendRecord(dst, &proxy.Record{
		Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value, Headers: r.Headers,
	})
	return dst
}

// tell says on standard error what is no record.
func (o *printer) tell(e *client.Event) {
	switch {
	case e.Gap != nil && e.Gap.From < 0:
		fmt.Fprintf(o.stderr, "wsproxy: records of %s may be missing: the connection was lost before the proxy had named a place to go on at. To see them, read with --from last:N or timestamp:MS\n", e.Gap.Topic)
	case e.Gap != nil:
		fmt.Fprintf(o.stderr, "wsproxy: a gap in %s, partition %d: offsets %d to %d do not come (%s%s)\n",
			e.Gap.Topic, e.Gap.Partition, e.Gap.From, e.Gap.To-1, e.Gap.Reason, inWords(e.Gap.Reason))
	case e.Conflated != nil:
		fmt.Fprintf(o.stderr, "wsproxy: %d records of %s were left out for newer ones\n", e.Conflated.Records, e.Conflated.Topic)
	case e.Problem != nil:
		fmt.Fprintf(o.stderr, "wsproxy: %v\n", e.Problem)
	}
}

// inWords explains the reason of a gap, behind it.
func inWords(reason string) string {
	switch reason {
	case "SLOW":
		return ": this reader was too slow; with --slow wait none is left out"
	case "EXPIRED":
		return ": Kafka has deleted them, by the topic's retention or a request"
	case "TRUNCATED":
		return ": Kafka has lost them, with a broker that had them alone"
	case "RECREATED":
		return ": the topic was deleted and made again"
	}
	return ""
}
