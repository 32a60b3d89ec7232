package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

const proxyPackage = "github.com/wsproxy/kafka-websocket-proxy/cmd/wsproxy"

// program is the proxy, built.
type program struct {
	folder      string
	path        string
	certificate certificate
}

func buildProxy(ctx context.Context, messages io.Writer) (program, error) {
	folder, err := os.MkdirTemp("", "wsproxy-bench-")
	if err != nil {
		return program{}, err
	}
	p := program{folder: folder, path: filepath.Join(folder, "wsproxy")}
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", p.path, proxyPackage)
	build.Stderr = messages
	if err := build.Run(); err != nil {
		return program{}, errors.Join(fmt.Errorf("building the proxy: %w", err), p.remove())
	}
	if p.certificate, err = newCertificate(folder); err != nil {
		return program{}, errors.Join(err, p.remove())
	}
	return p, nil
}

func (p program) remove() error { return os.RemoveAll(p.folder) }

// start starts the proxy with default settings, save for what one machine and measuring need. Without
// a request, pprof costs nothing.
func (p program) start(ctx context.Context, broker string, messages io.Writer) (*proxyProcess, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.path, "serve")
	cmd.Env = append(os.Environ(),
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker, "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_ADMIN_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
		"WSPROXY_SSL_ENABLED=true", "WSPROXY_SSL_BIND_INTERFACE=127.0.0.1", "WSPROXY_SSL_PORT=0", "WSPROXY_ADMIN_SSL_ENABLED=false",
		"WSPROXY_SSL_CERT_FILE="+p.certificate.certFile, "WSPROXY_SSL_KEY_FILE="+p.certificate.keyFile,
		"WSPROXY_COMPRESSION_ENABLED=true", "WSPROXY_COMPRESSION_MIN_BYTES=128", // for links that offer it
		"WSPROXY_LOG_FORMAT=json", "WSPROXY_LOG_LEVEL=info", "WSPROXY_PPROF_ENABLED=true",
	)
	process := &proxyProcess{cmd: cmd, client: p.certificate.client, logged: make(chan struct{})}
	if err := process.start(messages); err != nil {
		return nil, fmt.Errorf("starting the proxy: %w", err)
	}
	if err := process.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, process.stop())
	}
	return process, nil
}
