package socket

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAPeerThatVanishedBehindAFullSocketIsGivenUp has clients that read nothing while much is sent to them. The
// machine of one vanishes: its system drops all that arrives. It is given up as a peer that does not answer
// pings is, long before a client that only reads nothing.
func TestAPeerThatVanishedBehindAFullSocketIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		vanishes bool
		timeout  time.Duration
		want     proxy.CloseCode
	}{
		"vanishes":      {true, 16 * time.Second, proxy.CloseAbnormal},
		"reads nothing": {false, 3 * time.Second, proxy.CloseTryAgainLater},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := testSettings()
			settings.PingInterval, settings.PongTimeout = 400*time.Millisecond, 200*time.Millisecond
			settings.WriteTimeout = test.timeout
			server, client := dialed(t)
			c, err := Accept(&takeover{header: http.Header{}, conn: server}, upgradeRequest(), settings,
				metrics.New(prometheus.NewRegistry(), metrics.Build{}))
			if err != nil {
				t.Fatal(err)
			}
			src := &script{}
			src.add(c, opBinary, strings.Repeat("x", 8<<20))
			if test.vanishes {
				dropAll(t, client)
			}
			r := serve(c, src, nil)
			<-r.over
			wantResult(t, c, test.want)
		})
	}
}

// dialed returns the ends of a TCP connection, of which the client's takes little that is not read.
func dialed(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client = dialed.(*net.TCPConn) //nolint:errcheck // it is one: see ListenTCP
	if server, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	if err := client.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// dropAll has the system drop every segment that arrives for a connection, before TCP sees it.
func dropAll(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}} // keeps 0 bytes
	if controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(drop)), Filter: &drop[0]})
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
}
