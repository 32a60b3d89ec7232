//go:build unix

package real

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// risked is a record of the risky topic that was answered.
type risked struct {
	offset int64
	value  string
}

// visit opens a socket on the risky topic, until ctx ends.
func (r *rig) visit(ctx context.Context, random *rand.Rand, path string, parameters url.Values) (*wsclient.Conn, func(), error) {
	wire, err := r.dial(random)
	if err != nil {
		return nil, nil, err
	}
	var headers []string
	if i, ok := wire.(workload.Identified); ok {
		headers = i.Headers()
	}
	parameters.Set("topic", riskyTopic)
	_ = wire.SetDeadline(time.Now().Add(healLimit))
	abort := context.AfterFunc(ctx, func() { _ = wire.Close() })
	ws, err := wsclient.Open(wire, path+"?"+parameters.Encode(), headers...)
	end := func() {
		abort()
		_ = wire.Close()
	}
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return ws, end, nil
}

var errEnded = errors.New("the proxy has ended the connection")

// nextText returns the next text message, and answers pings on the way.
func nextText(ws *wsclient.Conn) ([]byte, error) {
	for {
		f, err := ws.ReadFrame()
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading a frame: %w", err)
		case f.Opcode == wsclient.Text:
			return f.Payload, nil
		case f.Opcode == wsclient.Close:
			return nil, errEnded
		case f.Opcode == wsclient.Ping:
			_ = ws.Send(wsclient.Pong, f.Payload)
		}
	}
}

// riskyWriter writes to the risky topic, one record after the other, each until it is answered.
type riskyWriter struct {
	rig    *rig
	random *rand.Rand
	run    int64
	count  int
	last   string // what was answered last
	ws     *wsclient.Conn
	end    func()
}

func (w *riskyWriter) write(ctx context.Context, n int) (answered []risked, err error) {
	for range n {
		w.count++
		value := fmt.Sprintf("%d-%d", w.run, w.count)
		for {
			offset, err := w.try(ctx, value)
			if err == nil {
				answered = append(answered, risked{offset, value})
				w.last = value
				break
			}
			w.leave()
			if !workload.Pause(ctx, askPause) {
				return nil, fmt.Errorf("writing %s: %w", value, err)
			}
		}
	}
	w.leave()
	return answered, nil
}

// writeUntil writes until a condition holds.
func (w *riskyWriter) writeUntil(ctx context.Context, holds func() bool) error {
	for !holds() {
		if _, err := w.write(ctx, 1); err != nil {
			return err
		}
		workload.Pause(ctx, askPause)
	}
	return nil
}

func (w *riskyWriter) leave() {
	if w.ws != nil {
		w.end()
		w.ws = nil
	}
}

func (w *riskyWriter) try(ctx context.Context, value string) (offset int64, err error) {
	if w.ws == nil {
		if w.ws, w.end, err = w.rig.visit(ctx, w.random, "/socket/in", url.Values{"clientId": {"risky-writer"}, "instanceId": {"i"}}); err != nil {
			w.ws = nil
			return 0, err
		}
	}
	if err := w.ws.Send(wsclient.Text, fmt.Appendf(nil, `{"value":{"value":%q}}`, value)); err != nil {
		return 0, fmt.Errorf("sending: %w", err)
	}
	text, err := nextText(w.ws)
	if err != nil {
		return 0, err
	}
	var answer struct{ Offset *int64 }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Offset == nil {
		return 0, fmt.Errorf("the answer is %s: %w", text, errors.Join(errEnded, err))
	}
	return *answer.Offset, nil
}

// riskyGap is what a reader was told to be missing.
type riskyGap struct {
	From, To int64
	Reason   string
}

// riskyReader reads the risky topic live, and goes on at its cursors.
type riskyReader struct {
	rig    *rig
	random *rand.Rand

	mu     sync.Mutex // guards what follows
	values []string
	gaps   []riskyGap
	place  string // the last cursor
	behind int    // how many values it is behind
}

// run reads until ctx ends, first from a place.
func (t *riskyReader) run(ctx context.Context, from string) {
	for ctx.Err() == nil {
		if place := t.cursor(); place != "" {
			from = "cursor:" + place
		}
		ws, end, err := t.rig.visit(ctx, t.random, "/socket/tail", url.Values{"from": {from}, "cursors": {"100"}})
		if err == nil {
			for err == nil {
				var text []byte
				if text, err = nextText(ws); err == nil {
					t.take(text)
				}
			}
			end()
		}
		workload.Pause(ctx, askPause)
	}
}

func (t *riskyReader) take(text []byte) {
	var f struct {
		Value  *struct{ Value string }
		Gap    *riskyGap
		Cursor string
	}
	if json.Unmarshal(text, &f) != nil {
		return // is noticed, as it lacks then
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case f.Gap != nil:
		t.gaps = append(t.gaps, *f.Gap)
	case f.Cursor != "":
		t.place, t.behind = f.Cursor, len(t.values)
	case f.Value != nil:
		t.values = append(t.values, f.Value.Value)
	}
}

func (t *riskyReader) cursor() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.place
}

func (t *riskyReader) has(value string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.values, value)
}

// cursorIsBehind tells whether the last cursor came after a value.
func (t *riskyReader) cursorIsBehind(value string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.values[:t.behind], value)
}

// hasAll tells whether records came, and in their order.
func (t *riskyReader) hasAll(records []risked) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := 0
	for _, value := range t.values {
		if next < len(records) && value == records[next].value {
			next++
		}
	}
	return next == len(records)
}

// wasTold tells whether a gap has all of some records.
func (t *riskyReader) wasTold(gone []risked) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.gaps, func(g riskyGap) bool {
		return g.Reason == "TRUNCATED" && g.From <= gone[0].offset && g.To > gone[len(gone)-1].offset
	})
}

func (t *riskyReader) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("it has gaps %v, and values %s", t.gaps, strings.Join(t.values, " "))
}
