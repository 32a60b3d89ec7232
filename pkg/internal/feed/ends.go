package feed

import (
	"context"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// endsLookups looks up the ends of a log for tails that begin there: what is fetched may be behind what was acknowledged
// before. All who ask while a lookup is under way share the next one.
type endsLookups struct {
	source Source
	life   context.Context //nolint:containedctx // of the lookups, which are of no call
	begin  func(func())    // runs lookups in a goroutine

	mu      sync.Mutex // guards what follows
	running bool
	next    *endsLookup // nil where nobody waits
}

// endsLookup is a lookup. ends is set before done is closed, and nil where they are not known.
type endsLookup struct {
	done chan struct{}
	ends proxy.Places
}

// get returns ends that are looked up from now on, or nil where they cannot be.
func (e *endsLookups) get(ctx context.Context) proxy.Places {
	e.mu.Lock()
	if e.next == nil {
		e.next = &endsLookup{done: make(chan struct{})}
	}
	mine := e.next
	if !e.running {
		e.running = true
		e.begin(e.run)
	}
	e.mu.Unlock()
	select {
	case <-mine.done:
		return mine.ends
	case <-ctx.Done():
		return nil
	}
}

// run makes lookups while somebody waits for one.
func (e *endsLookups) run() {
	for {
		e.mu.Lock()
		lookup := e.next
		e.next = nil
		if lookup == nil {
			e.running = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		if ends, err := e.source.Ends(e.life); err == nil {
			lookup.ends = ends
		}
		close(lookup.done)
	}
}
