package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// limiterRig is a limiter and its connections, each known by the far end of its connection.
type limiterRig struct {
	*testing.T
	*ConnLimiter
	near map[string]net.Conn
	far  map[string]net.Conn
}

func newLimiterRig(t *testing.T, most int) *limiterRig {
	t.Helper()
	return &limiterRig{T: t, ConnLimiter: NewConnLimiter(most, 10*time.Second, nil), near: map[string]net.Conn{}, far: map[string]net.Conn{}}
}

func (r *limiterRig) come(names ...string) {
	for _, name := range names {
		r.near[name], r.far[name] = net.Pipe()
		r.Watch(r.near[name], http.StateNew)
	}
}

// requestOf is the context of a request on a connection.
func (r *limiterRig) requestOf(name string) context.Context {
	limiter := r.ConnLimiter
	return limiter.Context(r.T.Context(), r.near[name])
}

// from is a connection from an address.
type from struct {
	net.Conn
	address netip.AddrPort
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(f.address) }

// comeFrom opens connections from an address.
func (r *limiterRig) comeFrom(address string, names ...string) {
	for _, name := range names {
		near, far := net.Pipe()
		r.near[name], r.far[name] = from{near, netip.MustParseAddrPort(fmt.Sprintf("%s:%d", address, len(r.near)+1))}, far
		r.Watch(r.near[name], http.StateNew)
	}
}

func (r *limiterRig) become(state http.ConnState, names ...string) {
	for _, name := range names {
		r.Watch(r.near[name], state)
	}
}

// open tells whether a connection is open.
func (r *limiterRig) open(name string) bool {
	_ = r.far[name].SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := r.far[name].Read(make([]byte, 1))
	return !errors.Is(err, io.EOF)
}

// wantOpen checks which connections are still open.
func (r *limiterRig) wantOpen(want ...string) {
	r.Helper()
	open := map[string]bool{}
	for _, name := range want {
		open[name] = true
	}
	for name := range r.far {
		if r.open(name) != open[name] {
			r.Errorf("%s is open: %t", name, !open[name])
		}
	}
}

func (r *limiterRig) leave() {
	for _, c := range r.near {
		_ = c.Close()
		r.Watch(c, http.StateClosed)
	}
	if len(r.conns) > 0 || len(r.peers.byKey) > 0 || len(r.peers.heap) > 0 {
		r.Errorf("left are %d, %d, %d", len(r.conns), len(r.peers.byKey), len(r.peers.heap))
	}
}

func TestFullOfConnections(t *testing.T) {
	for name, test := range map[string]func(r *limiterRig){
		"has no room for a new connection among new connections": func(r *limiterRig) {
			r.come("a", "b", "c", "d")
			r.wantOpen("a", "b", "c")
		},
		"puts the oldest out who has not asked": func(r *limiterRig) {
			r.come("a", "b", "c")
			time.Sleep(fresh.grace())
			r.come("d", "e")
			r.wantOpen("c", "d", "e")
		},
		"puts those out first who wait between requests": func(r *limiterRig) {
			r.come("a", "b", "c")
			time.Sleep(fresh.grace())
			r.become(http.StateActive, "b", "c")
			r.become(http.StateIdle, "c", "b")
			r.come("d")
			r.wantOpen("a", "b", "d")
		},
		"leaves requests in progress alone": func(r *limiterRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "a", "b", "c")
			time.Sleep(fresh.grace())
			r.come("d")
			r.wantOpen("a", "b", "c")
		},
		"has room again after sockets were opened, and connections closed": func(r *limiterRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "a", "b")
			r.become(http.StateHijacked, "a")
			r.become(http.StateClosed, "b")
			r.come("d", "e", "f")
			r.wantOpen("a", "b", "c", "d", "e") // b is the server's to close
		},
		"ends a request that is in progress for long": func(r *limiterRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "c", "a", "b")
			time.Sleep(active.grace())
			r.come("d", "e")
			r.become(http.StateIdle, "b")
			r.become(http.StateActive, "b") // another request
			r.come("f")
			r.wantOpen("b", "d", "e") // c and a were the first
		},
		"leaves handshakes alone, however long they take": func(r *limiterRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "a", "b", "c")
			for _, name := range []string{"a", "b", "c"} {
				handshaking(r.requestOf(name))
			}
			time.Sleep(time.Minute)
			r.come("d")
			r.wantOpen("a", "b", "c")
		},
		"takes a place of the address that has the most at once": func(r *limiterRig) {
			r.comeFrom("192.0.2.66", "a", "b", "c")
			r.comeFrom("192.0.2.1", "honest")
			r.wantOpen("b", "c", "honest")
			r.comeFrom("192.0.2.66", "d")
			r.wantOpen("b", "c", "honest")
		},
		"takes a place of the address that has the most, whatever it does": func(r *limiterRig) {
			r.comeFrom("192.0.2.66", "a", "b", "c")
			r.become(http.StateActive, "a", "b", "c")
			r.comeFrom("192.0.2.1", "honest")
			r.wantOpen("b", "c", "honest")
		},
		"does not take places of others for the address that has the most": func(r *limiterRig) {
			r.comeFrom("192.0.2.1", "honest")
			r.comeFrom("192.0.2.66", "a", "b")
			r.become(http.StateActive, "honest")
			r.become(http.StateIdle, "honest")
			time.Sleep(time.Minute / 10)
			r.comeFrom("192.0.2.66", "c", "d")
			r.wantOpen("honest", "c", "d")
		},
		"is fair between networks of IPv6": func(r *limiterRig) {
			r.comeFrom("[2001:db8::1]", "a", "b")
			r.comeFrom("[2001:db8::ffff:2]", "c")
			r.comeFrom("[2001:db8:0:1::1]", "honest")
			r.wantOpen("b", "c", "honest")
		},
		"does not take proxies for one client": func(r *limiterRig) {
			r.proxies = newProxies([]string{"10.0.0.0/8"})
			r.comeFrom("10.0.0.1", "a", "b", "c")
			r.comeFrom("192.0.2.66", "d")
			r.wantOpen("a", "b", "c")
		},
		"does not know those anymore that it put out": func(r *limiterRig) {
			r.come("a", "b", "c")
			time.Sleep(fresh.grace())
			r.come("d")
			r.become(http.StateActive, "a")
			r.become(http.StateIdle, "a")
			r.become(http.StateClosed, "a")
			if len(r.conns) != 3 {
				r.Errorf("there are %d", len(r.conns))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newLimiterRig(t, 3)
				test(r)
				r.leave()
			})
		})
	}
}

func TestANewcomerHasToAskInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLimiterRig(t, 10)
		r.come("silent", "asks", "waits", "socket")
		r.become(http.StateActive, "asks", "waits", "socket")
		r.become(http.StateIdle, "waits")
		r.become(http.StateHijacked, "socket")
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		r.wantOpen("silent", "asks", "waits", "socket")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		r.wantOpen("asks", "waits", "socket")
		r.leave()
	})
}

// TestConnectionsOfAServer fills the places of a real server.
func TestConnectionsOfAServer(t *testing.T) {
	limiter := NewConnLimiter(2, time.Minute, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ConnState: limiter.Watch, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	var conns []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 1<<10)
		if n, err := c.Read(answer); err != nil || !bytes.HasPrefix(answer[:n], []byte("HTTP/1.1 404")) {
			t.Fatalf("got %q, %v", answer[:n], err)
		}
		conns = append(conns, c)
		awaitIdle(t, limiter, min(len(conns), 2))
	}
	_ = conns[0].SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.Copy(io.Discard, conns[0]); err != nil {
		t.Errorf("the first connection: %v", err)
	}
	for _, c := range conns[1:] {
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadAtLeast(c, make([]byte, 1<<10), 12); err != nil {
			t.Error(err)
		}
	}
}

// awaitIdle waits until so many connections are between two requests.
func awaitIdle(t *testing.T, l *ConnLimiter, want int) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		waiting := l.all[idle].Len()
		l.mu.Unlock()
		if waiting == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d connections are idle, not %d", idle, want)
		}
	}
}
