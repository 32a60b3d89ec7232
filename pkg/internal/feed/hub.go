package feed

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// Hub holds the logs that are read.
type Hub struct {
	options Options
	memory  *memory
	tables  *tables
	turns   chan struct{}
	waiting atomic.Int64

	mu   sync.Mutex // guards logs
	logs map[any]*Log
}

// NewHub returns a hub that reads nothing yet.
func NewHub(o Options) *Hub {
	return &Hub{
		options: o, memory: newMemory(&o), tables: &tables{limit: o.TableBytes, used: o.Used},
		turns: make(chan struct{}, o.CatchUps), logs: map[any]*Log{},
	}
}

// Open begins a tail of the log with a key. If the log is not read yet, newSource opens it.
func (h *Hub) Open(ctx context.Context, key any, name Name, newSource func(context.Context) (Source, error), o TailOptions) (*Tail, error) {
	for {
		l, err := h.log(ctx, key, name, newSource)
		if err != nil {
			return nil, err
		}
		t, err := l.Open(ctx, o)
		if err == nil {
			return t, nil
		}
		h.forget(key, l)
		if !errors.Is(err, errEnded) {
			l.abandon()
			return nil, err
		}
	}
}

// log returns the log with a key.
func (h *Hub) log(ctx context.Context, key any, name Name, newSource func(context.Context) (Source, error)) (*Log, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.logs[key]; l != nil {
		return l, nil
	}
	h.mu.Unlock()
	source, err := newSource(ctx)
	h.mu.Lock()
	if err != nil {
		return nil, err
	}
	if l := h.logs[key]; l != nil {
		source.Close()
		return l, nil
	}
	l := newLog(name, source, h)
	h.logs[key] = l
	context.AfterFunc(l.gone, func() { h.forget(key, l) })
	return l, nil
}

// forget has the next tail open the log anew, where it has ended or has no tail.
func (h *Hub) forget(key any, l *Log) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logs[key] == l && l.isIdle() {
		delete(h.logs, key)
	}
}

// Close ends all logs, and waits for their ends. Their tails must be closed before.
func (h *Hub) Close() {
	h.mu.Lock()
	logs := make([]*Log, 0, len(h.logs))
	for _, l := range h.logs {
		logs = append(logs, l)
	}
	h.mu.Unlock()
	for _, l := range logs {
		l.close()
	}
}
