//go:build linux

package hostile

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

const (
	// pace is how often an honest producer sends a message.
	pace = 100 * time.Millisecond
	// perConnection is how many it sends before it connects anew.
	perConnection = 20
)

// honest are the clients who must not notice anything.
type honest struct {
	*stage
	t         *testing.T
	producers int
	consumers int

	mu       sync.Mutex // guards what follows
	answers  []time.Duration
	openings []time.Duration // handshakes, TLS included
	written  int
	read     map[string]int // records, by consumer
}

// dial opens a WebSocket, of every other client over TLS.
func (h *honest) dial(number int, target string) (*wsclient.Conn, error) {
	var c net.Conn
	var err error
	if number%2 == 0 {
		c, err = net.DialTimeout("tcp", h.proxy.main, patience)
	} else {
		c, err = tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", h.proxy.secure, h.trust)
	}
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	ws, err := wsclient.Open(c, target)
	if err != nil {
		_ = c.Close()
	}
	return ws, err
}

// during runs the producers while the time lasts, and returns how long answers and handshakes took.
func (h *honest) during(d time.Duration) (answers, openings []time.Duration) {
	h.mu.Lock()
	h.answers, h.openings = nil, nil
	h.mu.Unlock()
	over := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	var all sync.WaitGroup
	for number := range h.producers {
		all.Go(func() {
			if err := h.produce(number, over); err != nil {
				h.t.Errorf("honest producer %d: %v", number, err)
			}
		})
	}
	all.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.answers)
	slices.Sort(h.openings)
	return h.answers, h.openings
}

func (h *honest) produce(number int, over <-chan struct{}) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		began := time.Now()
		ws, err := h.dial(number, fmt.Sprintf("/socket/in?clientId=honest-%d&topic=%s", number, h.topic))
		if err != nil {
			return err
		}
		h.note(&h.openings, time.Since(began))
		for range perConnection {
			select {
			case <-over:
				return ws.Net.Close()
			case <-tick.C:
			}
			if err := h.exchange(ws); err != nil {
				_ = ws.Net.Close()
				return err
			}
		}
		_ = ws.Net.Close()
	}
}

// exchange sends a message and waits for its answer.
func (h *honest) exchange(ws *wsclient.Conn) error {
	_ = ws.Net.SetDeadline(time.Now().Add(patience))
	began := time.Now()
	if err := ws.Send(wsclient.Text, []byte(`{"value":{"value":"honest"}}`)); err != nil {
		return err
	}
	text, err := next(ws)
	if err != nil {
		return err
	}
	var answer struct{ Offset *int64 }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Offset == nil {
		return fmt.Errorf("the answer is %s, %w", text, err)
	}
	h.note(&h.answers, time.Since(began))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.written++
	return nil
}

func (h *honest) note(list *[]time.Duration, took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*list = append(*list, took)
}

// next returns the next text message. It answers pings on the way.
func next(ws *wsclient.Conn) ([]byte, error) {
	for {
		f, err := ws.ReadFrame()
		switch {
		case err != nil:
			return nil, err
		case f.Opcode == wsclient.Text:
			return f.Payload, nil
		case f.Opcode == wsclient.Close:
			return nil, fmt.Errorf("closed with %q", f.Payload)
		case f.Opcode == wsclient.Ping:
			if err := ws.Send(wsclient.Pong, f.Payload); err != nil {
				return nil, err
			}
		}
	}
}

// consume reads the honest topic on connections that stay, until the test's end.
func (h *honest) consume() {
	for number := range h.consumers {
		name := fmt.Sprintf("reader-%d", number)
		ws, err := h.dial(number, "/socket/out?clientId="+name+"&topic="+h.topic)
		must(h.t, err)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				_ = ws.Net.SetDeadline(time.Now().Add(patience))
				if _, err := next(ws); err != nil {
					return // the test misses what is not read
				}
				h.mu.Lock()
				h.read[name]++
				h.mu.Unlock()
			}
		}()
		h.t.Cleanup(func() {
			_ = ws.Net.Close()
			<-done
		})
	}
}

// behind tells what consumers have not read.
func (h *honest) behind() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for number := range h.consumers {
		if name := fmt.Sprintf("reader-%d", number); h.read[name] < h.written {
			return fmt.Errorf("%s has read %d of %d", name, h.read[name], h.written)
		}
	}
	return nil
}

// percentile of sorted times.
func percentile(times []time.Duration, percent int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[(len(times)-1)*percent/100]
}
