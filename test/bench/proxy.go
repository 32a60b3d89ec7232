package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const stopTimeout = 30 * time.Second

// proxyProcess is the proxy under test.
type proxyProcess struct {
	main, secure, admin string // addresses
	cmd                 *exec.Cmd
	client              *tls.Config   // of who trusts its certificate
	logged              chan struct{} // closed when its log has ended
}

// endpoint is where the connections of a measurement go.
func (p *proxyProcess) endpoint(m measurement) endpoint {
	if m.variant == tlsVariant {
		return endpoint{addr: p.secure, tls: p.client}
	}
	return endpoint{addr: p.main}
}

func (p *proxyProcess) start(messages io.Writer) error {
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(log)
	err = p.awaitAddresses(lines)
	go p.readLog(lines, messages)
	if err != nil {
		return errors.Join(err, p.stop())
	}
	return nil
}

// awaitAddresses reads the log until it tells where the proxy listens.
func (p *proxyProcess) awaitAddresses(lines *bufio.Scanner) error {
	var last string
	for lines.Scan() {
		last = lines.Text()
		var event struct{ Msg, Main, TLS, Management string }
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Msg == "listening" {
			p.main, p.secure, p.admin = event.Main, event.TLS, event.Management
			return nil
		}
	}
	return fmt.Errorf("it ended: %s", last)
}

// awaitReady waits until the proxy has read what it keeps in Kafka.
func (p *proxyProcess) awaitReady(ctx context.Context) error {
	return await(ctx, "the proxy to be ready", func(ctx context.Context) (bool, error) {
		response, err := p.get(ctx, "/readyz")
		if err != nil {
			return false, err
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
}

// get asks the management listener. The caller must close the body.
func (p *proxyProcess) get(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	return response, wrap(err, "asking the proxy for "+path)
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
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.logged:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.logged
	}
	if err := p.cmd.Wait(); err != nil {
		return fmt.Errorf("stopping the proxy: %w", err)
	}
	return nil
}
