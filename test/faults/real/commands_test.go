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

// commands are users of the commands produce and consume, who start them again whenever they give up.
type commands struct {
	rig  *rig
	door *links.Link // to any replica
	stop context.CancelFunc
	both sync.WaitGroup

	mu      sync.Mutex // guards what follows
	written map[string]bool
	read    map[string]bool
}

// startCommands makes the topic, and starts a user that writes until the time of faults ends, and one that reads until stop.
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
	c := &commands{rig: r, door: door, stop: stop, written: make(map[string]bool), read: make(map[string]bool)}
	r.commands = c
	c.renewToken()
	c.both.Go(func() { c.produce(r.ctx) })
	c.both.Go(func() { c.consume(reading) })
	r.t.Cleanup(func() {
		stop()
		c.both.Wait()
	})
}

// renewToken writes one that is valid for long, which commands read with each connection. Both users do so.
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
		c.renewToken()
		cmd := c.command(ctx, "consume", "-G", "commands", "--client-id", "commands")
		out, in := io.Pipe()
		cmd.Stdout = in
		var reading sync.WaitGroup
		reading.Go(func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				c.note(c.read, lines.Text())
			}
		})
		_ = cmd.Run() // it is started again
		_ = in.Close()
		reading.Wait()
		workload.Pause(ctx, askPause)
	}
}

var errUnread = errors.New("lines that the command produce has written are not read by the command consume")

// left returns a line that was written, and was not read yet.
func (c *commands) left() (line string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.written {
		if !c.read[one] {
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
	c.both.Wait()
	line, n := c.left()
	c.mu.Lock()
	written, read := len(c.written), len(c.read)
	c.mu.Unlock()
	if written == 0 {
		c.rig.unserved(checker.Unserved, "no command produce has written its lines")
	}
	if !settled {
		c.rig.unserved(checker.Undelivered, "%v: %d of %d, as %q", errUnread, n, written, line)
	}
	c.rig.t.Logf("commands: %d lines written for sure, %d read", written, read)
}
