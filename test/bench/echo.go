package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
)

// echoCommand has this program send back what it gets.
const echoCommand = "serve-echo"

// hop returns the median of how long bytes need to another process and back, over TCP and nothing else: a message
// through the proxy cannot have its answer sooner than one without the proxy and that.
func (b *bench) hop(ctx context.Context) (milliseconds float64, err error) {
	echo, err := startSelf(ctx, echoCommand)
	if err != nil {
		return 0, fmt.Errorf("starting the echo: %w", err)
	}
	defer func() { err = errors.Join(err, echo.stop()) }()
	addr, err := echo.line()
	if err != nil {
		return 0, fmt.Errorf("starting the echo: %w", err)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, fmt.Errorf("connecting to the echo: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	payload := make([]byte, valueBytes)
	return b.medianOf(ctx, func(int) error {
		if _, err := conn.Write(payload); err != nil {
			return fmt.Errorf("writing to the echo: %w", err)
		}
		if _, err := io.ReadFull(conn, payload); err != nil {
			return fmt.Errorf("reading from the echo: %w", err)
		}
		return nil
	})
}

// serveEcho prints its address and serves one connection until life ends.
func serveEcho(life io.Reader, output io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fmt.Fprintln(output, listener.Addr())
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}) // by reads and writes, as the proxy does
	}()
	_, err = io.Copy(io.Discard, life)
	return errors.Join(err, listener.Close())
}
