package server

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/network"
)

// strange connects to a server in virtual time, and returns after how long the server closed the
// connection. attack returns then.
func strange(t *testing.T, attack func(c net.Conn)) (took time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := new(config.Config)
		c.Sockets.HandshakeTimeout = 10 * time.Second
		c.Server.MaxHeaderBytes, c.Server.MaxHandshakes = 16<<10, 10
		hosts := network.New(64 << 10)
		listener, err := hosts.Host("proxy").Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := NewHTTP(c, slog.New(slog.DiscardHandler))
		server.Handler = newServer(t, c).Main()
		done := make(chan error, 1)
		go func() { done <- server.Serve(listener) }()
		conn, err := hosts.Host("attacker").Connect(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		attack(conn)
		took = time.Since(began)
		_ = conn.Close()
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return took
}

const get1 = "GET /openapi.yaml HTTP/1.1\r\nHost: proxy\r\n"

// TestAnswersHaveToBeTaken asks for much and reads none of it.
func TestAnswersHaveToBeTaken(t *testing.T) {
	took := strange(t, func(c net.Conn) {
		for err := error(nil); err == nil; {
			_, err = io.WriteString(c, get1+"\r\n")
		}
	})
	if took != 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestRequestsHaveToCome(t *testing.T) {
	drip := func(head, more string) func(c net.Conn) {
		return func(c net.Conn) {
			_, err := io.WriteString(c, head)
			go func() { _, _ = io.Copy(io.Discard, c) }()
			for err == nil {
				time.Sleep(time.Second)
				_, err = io.WriteString(c, more)
			}
		}
	}
	for _, test := range []struct {
		name   string
		attack func(c net.Conn)
		within time.Duration
	}{
		{"headers, slowly", drip(get1+"X: ", "x"), 10 * time.Second},
		{"a second request, slowly", drip(get1+"\r\n"+get1+"X: ", "x"), 10 * time.Second},
		{"a body, slowly", drip(get1+"Content-Length: 1000\r\n\r\n", "x"), bodyTimeout},
		{"a body, not at all", func(c net.Conn) {
			_, _ = io.WriteString(c, get1+"Content-Length: 1000\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, bodyTimeout},
		{"a body in chunks, slowly", drip(get1+"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), bodyTimeout},
		{"nothing", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, 10 * time.Second},
		{"nothing after a request", func(c net.Conn) {
			_, _ = io.WriteString(c, get1+"\r\n")
			_, _ = io.Copy(io.Discard, c)
		}, idleTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			took := strange(t, test.attack)
			// net/http gives what is still on the way half a second before it resets a connection.
			if took > test.within+3*time.Second || took < test.within/2 {
				t.Errorf("it took %v, and may take %v", took, test.within)
			}
		})
	}
}

// TestHeadersAreBounded sends a header without an end.
func TestHeadersAreBounded(t *testing.T) {
	sent := 0
	took := strange(t, func(c net.Conn) {
		_, err := io.WriteString(c, get1+"X: ")
		for err == nil && sent < 1<<20 {
			var n int
			n, err = io.WriteString(c, strings.Repeat("x", 1<<10))
			sent += n
		}
		answer, _ := io.ReadAll(c)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") {
			t.Errorf("got %.80q", answer)
		}
	})
	if took > 5*time.Second || sent > 256<<10 { // what the wire holds, and what the server reads
		t.Errorf("it took %v, and %d bytes", took, sent)
	}
}
