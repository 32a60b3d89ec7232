package outside

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// foreign is a third-party WebSocket client, driven by a small script.
type foreign struct {
	language string
	program  string
	script   string
	variable string // the environment variable of the path of its package
}

func foreigners() []foreign {
	return []foreign{
		{language: "node", program: "node", script: "testdata/client.cjs", variable: "NODE_PATH"},
		{language: "python", program: "python3", script: "testdata/client.py", variable: "PYTHONPATH"},
	}
}

// install installs what a client needs and returns the folder where that lies.
func (f foreign) install(t testing.TB) string {
	t.Helper()
	var reason process.Output
	install := exec.CommandContext(within(t, 5*patience), "../clients/install", f.language)
	install.Stderr = &reason
	folder, err := install.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		lacking(t, f.language+": "+reason.String())
	}
	if err != nil {
		t.Fatalf("installing a client of %s: %v\n%s", f.language, err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

// command returns the command that runs a client.
func (f foreign) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	folder := f.install(t)
	cmd := exec.CommandContext(within(t, patience), f.program, append([]string{f.script}, args...)...)
	cmd.Env = append(os.Environ(), f.variable+"="+folder)
	return cmd
}

// lines runs a client to its end and returns what it printed.
func (f foreign) lines(t testing.TB, input string, args ...string) []string {
	t.Helper()
	cmd := f.command(t, args...)
	cmd.Stdin = strings.NewReader(input)
	return runToEnd(t, cmd)
}

// runToEnd runs a program, which must succeed, and returns the lines that it printed.
func runToEnd(t testing.TB, cmd *exec.Cmd) []string {
	t.Helper()
	var stderr process.Output
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s\n%s", cmd.Args, err, out, stderr.String())
	}
	text := strings.TrimSuffix(string(out), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// reader is a client that consumes until it is told to stop.
type reader struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	stderr process.Output
}

func (f foreign) consume(t testing.TB, args ...string) *reader {
	t.Helper()
	return f.run(t, append([]string{"consume"}, args...)...)
}

// run starts a client that reads.
func (f foreign) run(t testing.TB, args ...string) *reader {
	t.Helper()
	r := &reader{t: t, cmd: f.command(t, args...)}
	r.cmd.Stderr = &r.stderr
	stdin, err := r.cmd.StdinPipe()
	must(t, err)
	stdout, err := r.cmd.StdoutPipe()
	must(t, err)
	r.stdin, r.stdout = stdin, bufio.NewScanner(stdout)
	must(t, r.cmd.Start())
	return r
}

func (r *reader) next() record {
	r.t.Helper()
	var got record
	must(r.t, json.Unmarshal(r.line(), &got))
	return got
}

// line returns the next message, which must come.
func (r *reader) line() []byte {
	r.t.Helper()
	if !r.stdout.Scan() {
		r.t.Fatalf("no message came: %v\n%s", r.stdout.Err(), r.stderr.String())
	}
	return r.stdout.Bytes()
}

// stop makes the client close its connection, which must succeed.
func (r *reader) stop() {
	r.t.Helper()
	must(r.t, r.stdin.Close())
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("the client ended with %v\n%s", err, r.stderr.String())
	}
}

// readAll reads n records of a topic, each of which must come once, in its partition's order.
func readAll(t testing.TB, r *reader, partitions, n int) {
	t.Helper()
	delivered := newTally(partitions, n/partitions)
	for range n {
		got := r.next()
		if got.Offset != delivered.upTo[got.Partition] {
			t.Fatalf("partition %d: offset %d came, not %d", got.Partition, got.Offset, delivered.upTo[got.Partition])
		}
		delivered.add(got.Partition, got.Offset)
	}
}
