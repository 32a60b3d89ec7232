package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	proxyPackage = "github.com/wsproxy/kafka-websocket-proxy/cmd/wsproxy"
	stopTimeout  = 30 * time.Second
)

// proxyProcess is the proxy under test.
type proxyProcess struct {
	main, admin string // addresses
	cmd         *exec.Cmd
	dir         string        // of its binary
	logged      chan struct{} // closed when its log has ended
}

// startProxy builds the proxy and starts it with default settings, save for what one machine
// needs.
func startProxy(ctx context.Context, broker string, profiling bool, messages io.Writer) (*proxyProcess, error) {
	dir, err := os.MkdirTemp("", "wsproxy-bench-")
	if err != nil {
		return nil, err
	}
	p := &proxyProcess{dir: dir, logged: make(chan struct{})}
	if err := p.start(ctx, broker, profiling, messages); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the proxy: %w", err), p.stop())
	}
	return p, nil
}

func (p *proxyProcess) start(ctx context.Context, broker string, profiling bool, messages io.Writer) error {
	binary := filepath.Join(p.dir, "wsproxy")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", binary, proxyPackage)
	build.Stderr = messages
	if err := build.Run(); err != nil {
		return fmt.Errorf("building it: %w", err)
	}
	cmd := exec.Command(binary, "serve")
	cmd.Env = append(os.Environ(),
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker, "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_ADMIN_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
		"WSPROXY_LOG_FORMAT=json", "WSPROXY_LOG_LEVEL=info", "WSPROXY_PPROF_ENABLED="+strconv.FormatBool(profiling),
	)
	log, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmd = cmd
	lines := bufio.NewScanner(log)
	defer func() { go p.readLog(lines, messages) }()
	return p.awaitAddresses(lines)
}

// awaitAddresses reads the log until it tells where the proxy listens.
func (p *proxyProcess) awaitAddresses(lines *bufio.Scanner) error {
	var last string
	for lines.Scan() {
		last = lines.Text()
		var event struct{ Msg, Main, Management string }
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Msg == "listening" {
			p.main, p.admin = event.Main, event.Management
			return nil
		}
	}
	return fmt.Errorf("it ended: %s", last)
}

// readLog shows what is worse than information.
func (p *proxyProcess) readLog(lines *bufio.Scanner, messages io.Writer) {
	defer close(p.logged)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), `"level":"INFO"`) {
			fmt.Fprintln(messages, lines.Text())
		}
	}
}

// stop has the proxy shut down, and kills it if that takes too long.
func (p *proxyProcess) stop() error {
	if p.cmd == nil {
		return os.RemoveAll(p.dir)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.logged:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.logged
	}
	err := p.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("stopping the proxy: %w", err)
	}
	return errors.Join(err, os.RemoveAll(p.dir))
}
