package loadclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// secureBuffer is what a socket over TLS reads into, in bytes. There are many.
const secureBuffer = 8 << 10

// openSecure opens sockets over TLS, each with a goroutine that goes on until ctx or the socket ends.
func openSecure(ctx context.Context, t *tally, plan Plan) error {
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(plan.Authority) {
		return errors.New("the certificate to trust is none")
	}
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13}}
	free := make(chan struct{}, max(1, plan.AtOnce))
	for _, query := range plan.Queries {
		go func() {
			free <- struct{}{}
			opened := sync.OnceFunc(func() { <-free })
			defer opened()
			if err := listenSecure(ctx, dialer, t, plan, query, opened); ctx.Err() == nil {
				t.mu.Lock()
				defer t.mu.Unlock()
				t.lose(err)
			}
		}()
	}
	return nil
}

// listenSecure opens a socket, calls opened, and reads until it ends.
func listenSecure(ctx context.Context, dialer *tls.Dialer, t *tally, plan Plan, query string, opened func()) error {
	conn, err := dialer.DialContext(ctx, "tcp", plan.Addr)
	if err != nil {
		return fmt.Errorf("connecting to the proxy: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err = conn.Write(request(plan, query)); err != nil {
		return fmt.Errorf("connecting to the proxy: %w", err)
	}
	s := &stream{tally: t}
	buffer := make([]byte, secureBuffer)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return fmt.Errorf("reading from the proxy: %w", err)
		}
		if err := takeSecure(conn, s, buffer[:n]); err != nil {
			return err
		}
		if s.opened {
			opened()
		}
	}
}

func takeSecure(conn net.Conn, s *stream, piece []byte) error {
	s.tally.mu.Lock()
	back, err := s.take(time.Now(), piece)
	s.tally.mu.Unlock()
	if err != nil || len(back) == 0 {
		return err
	}
	_, err = conn.Write(back)
	return err
}
