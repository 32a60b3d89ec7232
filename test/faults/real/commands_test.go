//go:build unix

package real

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

const (
	// linesTopic is written and read by commands alone.
	linesTopic = "lines"
	// batchLines is how many lines one run of the command produce is given.
	batchLines = 50
	// operator is the name of commands, which no policy refuses.
	operator = "operator"
)

// commands are users of the commands produce, consume and tail, who start them again whenever they give up.
type commands struct {
	rig  *rig
	door *links.Link // to any replica
	stop context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex // guards what follows
	written map[string]bool
	read    map[string]bool // by consume
	tailed  map[string]bool // by tail
	again   []string        // what one tail has printed that was not behind all that it had printed before
}

// startCommands makes the topic, and starts a user that writes until the time of faults ends, and two that read until stop.
func (r *rig) startCommands() {
	settings := map[string]*string{}
	_, err := r.kafka.admin.CreateTopic(r.t.Context(), 2, -1, settings, linesTopic)
	must(r.t, err)
	turn := 0
	door, err := links.OpenTo(func() (string, error) {
		turn++
		return r.fleet.any(turn % r.fleet.size())
	})
	must(r.t, err)
	r.t.Cleanup(func() { must(r.t, door.Close()) })
	reading, stop := context.WithCancel(r.t.Context())
	c := &commands{rig: r, door: door, stop: stop, written: make(map[string]bool), read: make(map[string]bool), tailed: make(map[string]bool)}
	r.commands = c
	c.renewToken()
	c.all.Go(func() { c.produce(r.ctx) })
	c.all.Go(func() { c.consume(reading) })
	c.all.Go(func() { c.tail(reading) })
	r.t.Cleanup(func() {
		stop()
		c.all.Wait()
	})
}

// renewToken writes one that is valid for long, which commands read with each connection. All users do so.
func (c *commands) renewToken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.rig.access
	fresh := certs.Write(c.rig.t, a.folder, "token.new", []byte(a.provider.Token(operator, nil)))
	must(c.rig.t, os.Rename(fresh, a.path("token")))
}

// command is one of wsproxy's, which ends with ctx by SIGKILL.
func (c *commands) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args, "--url", "ws://"+c.door.Addr(), "--token-file", c.rig.access.path("token"), "-t", linesTopic, "--patience", "1m")
	cmd := exec.CommandContext(ctx, c.rig.fleet.program, args...)
	cmd.WaitDelay = time.Second
	return cmd
}

// produce writes lines in batches. Those of a command that ends with 0 must be read.
func (c *commands) produce(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		lines := make([]string, batchLines)
		for i := range lines {
			lines[i] = fmt.Sprintf("line %d.%d", n, i)
		}
		c.renewToken()
		cmd := c.command(ctx, "produce", "--client-id", "commands", "--instance-id", "i")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		if cmd.Run() == nil {
			c.note(c.written, lines...)
		}
		workload.Pause(ctx, time.Second)
	}
}

func (c *commands) note(in map[string]bool, lines ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range lines {
		in[line] = true
	}
}

// consume reads in a group, so that it goes on where the command before has ended.
func (c *commands) consume(ctx context.Context) {
	for ctx.Err() == nil {
		c.run(ctx, func(line string) { c.note(c.read, line) }, "consume", "-G", "commands", "--client-id", "commands")
	}
}

// run runs a command until it ends, and hands over each line that it prints. It returns after a pause.
func (c *commands) run(ctx context.Context, printed func(line string), args ...string) {
	c.renewToken()
	cmd := c.command(ctx, args...)
	out, in := io.Pipe()
	cmd.Stdout = in
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			printed(lines.Text())
		}
	})
	_ = cmd.Run() // it is started again
	_ = in.Close()
	reading.Wait()
	workload.Pause(ctx, askPause)
}

var errUnread = errors.New("lines that the command produce has written are not read by the commands consume and tail")

// left returns a line that was written, and was not read yet.
func (c *commands) left() (line string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.written {
		if !c.read[one] || !c.tailed[one] {
			line = one
			n++
		}
	}
	return line, n
}

// settle waits until all that was written is read, and ends the commands.
func (c *commands) settle() {
	settled := workload.Within(healLimit, func() bool {
		_, n := c.left()
		return n == 0
	})
	c.stop()
	c.all.Wait()
	line, n := c.left()
	c.mu.Lock()
	written, read, tailed, again := len(c.written), len(c.read), len(c.tailed), c.again
	c.mu.Unlock()
	if written == 0 {
		c.rig.unserved(checker.Unserved, "no command produce has written its lines")
	}
	if !settled {
		c.rig.unserved(checker.Undelivered, "%v: %d of %d, as %q", errUnread, n, written, line)
	}
	for _, line := range again[:min(len(again), shown)] {
		c.rig.unserved(checker.Undelivered, "the command tail has printed %s", line)
	}
	c.rig.t.Logf("commands: %d lines written for sure, %d read by consume, %d by tail", written, read, tailed)
}
