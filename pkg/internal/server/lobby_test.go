package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// lobbyRig is a lobby with guests, each known by the far end of its connection.
type lobbyRig struct {
	*testing.T
	*Lobby
	near map[string]net.Conn
	far  map[string]net.Conn
}

func newLobbyRig(t *testing.T, most int) *lobbyRig {
	t.Helper()
	return &lobbyRig{T: t, Lobby: NewLobby(most, 10*time.Second), near: map[string]net.Conn{}, far: map[string]net.Conn{}}
}

func (r *lobbyRig) come(names ...string) {
	for _, name := range names {
		r.near[name], r.far[name] = net.Pipe()
		r.Watch(r.near[name], http.StateNew)
	}
}

func (r *lobbyRig) become(state http.ConnState, names ...string) {
	for _, name := range names {
		r.Watch(r.near[name], state)
	}
}

// open tells whether a connection is open.
func (r *lobbyRig) open(name string) bool {
	_ = r.far[name].SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := r.far[name].Read(make([]byte, 1))
	return !errors.Is(err, io.EOF)
}

// wantOpen checks who is connected still.
func (r *lobbyRig) wantOpen(want ...string) {
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

func (r *lobbyRig) leave() {
	for _, c := range r.near {
		_ = c.Close()
		r.Watch(c, http.StateClosed)
	}
	if len(r.guests) > 0 || r.fresh.Len() > 0 || r.idle.Len() > 0 {
		r.Errorf("left are %d, %d, %d", len(r.guests), r.fresh.Len(), r.idle.Len())
	}
}

func TestAFullLobby(t *testing.T) {
	for name, test := range map[string]func(r *lobbyRig){
		"has no room for a newcomer among newcomers": func(r *lobbyRig) {
			r.come("a", "b", "c", "d")
			r.wantOpen("a", "b", "c")
		},
		"puts the oldest out who has not asked": func(r *lobbyRig) {
			r.come("a", "b", "c")
			time.Sleep(lobbyGrace)
			r.come("d", "e")
			r.wantOpen("c", "d", "e")
		},
		"puts those out first who wait between requests": func(r *lobbyRig) {
			r.come("a", "b", "c")
			time.Sleep(lobbyGrace)
			r.become(http.StateActive, "b", "c")
			r.become(http.StateIdle, "c", "b")
			r.come("d")
			r.wantOpen("a", "b", "d")
		},
		"leaves requests in progress alone": func(r *lobbyRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "a", "b", "c")
			time.Sleep(lobbyGrace)
			r.come("d")
			r.wantOpen("a", "b", "c")
		},
		"has room again after sockets were opened, and connections closed": func(r *lobbyRig) {
			r.come("a", "b", "c")
			r.become(http.StateActive, "a", "b")
			r.become(http.StateHijacked, "a")
			r.become(http.StateClosed, "b")
			r.come("d", "e", "f")
			r.wantOpen("a", "b", "c", "d", "e") // b is the server's to close
		},
		"does not know those anymore that it put out": func(r *lobbyRig) {
			r.come("a", "b", "c")
			time.Sleep(lobbyGrace)
			r.come("d")
			r.become(http.StateActive, "a")
			r.become(http.StateIdle, "a")
			r.become(http.StateClosed, "a")
			if len(r.guests) != 3 {
				r.Errorf("there are %d", len(r.guests))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newLobbyRig(t, 3)
				test(r)
				r.leave()
			})
		})
	}
}

func TestANewcomerHasToAskInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLobbyRig(t, 10)
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

// TestLobbyOfAServer fills the lobby of a real server.
func TestLobbyOfAServer(t *testing.T) {
	lobby := NewLobby(2, time.Minute)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), ConnState: lobby.Watch, ReadHeaderTimeout: time.Minute}
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
		awaitIdle(t, lobby, min(len(conns), 2))
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
func awaitIdle(t *testing.T, l *Lobby, want int) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		idle := l.idle.Len()
		l.mu.Unlock()
		if idle == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%d connections are idle, not %d", idle, want)
		}
	}
}
