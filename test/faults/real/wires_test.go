//go:build unix

package real

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// dialTimeout is for a proxy that is frozen, and whose queue is full.
const dialTimeout = 5 * time.Second

// wires are the open connections of all clients.
type wires struct {
	mu   sync.Mutex
	open []*wire // by age
}

func dialer(from net.Addr) *net.Dialer { return &net.Dialer{Timeout: dialTimeout, LocalAddr: from} }

// dial connects to an address, from a local one where it is given.
func (w *wires) dial(address string, from net.Addr) (*wire, error) {
	conn, err := dialer(from).Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting to a replica: %w", err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, errors.New("no TCP connection")
	}
	made := &wire{TCPConn: tcp, gone: w.forget}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, made)
	return made, nil
}

func (w *wires) forget(gone *wire) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.open {
		if w.open[i] == gone {
			w.open = append(w.open[:i:i], w.open[i+1:]...)
			return
		}
	}
}

// some returns about half of the wires, and at least one where there are any.
func (w *wires) some(r *rand.Rand) []*wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	var chosen []*wire
	for _, i := range r.Perm(len(w.open))[:(len(w.open)+1)/2] {
		chosen = append(chosen, w.open[i])
	}
	return chosen
}
