package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// relay passes connections on to a proxy, and cuts them when it is told to.
type relay struct {
	addr string

	mu    sync.Mutex // guards what follows
	to    string
	open  map[net.Conn]struct{}
	count int
	wait  sync.WaitGroup
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String(), to: to, open: make(map[net.Conn]struct{})}
	r.wait.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", r.target())
			if err != nil {
				_ = near.Close()
				continue
			}
			r.pass(near, far)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.cut()
		r.wait.Wait()
	})
	return r
}

func (r *relay) pass(near, far net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	r.open[near], r.open[far] = struct{}{}, struct{}{}
	for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
		r.wait.Go(func() {
			_, _ = io.Copy(to, from)
			_ = to.Close()
			_ = from.Close()
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.open, from)
		})
	}
}

func (r *relay) target() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.to
}

// turn passes connections that are made from now on to another proxy.
func (r *relay) turn(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

// cut ends all connections without a word.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		_ = c.Close()
	}
}

// dialled returns how many connections there were.
func (r *relay) dialled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}
