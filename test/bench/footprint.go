package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// settling is how long a process is left alone before its memory is read, so that the runtime gives
// back what it no longer needs.
const settling = 5 * time.Second

// footprint is memory in bytes.
type footprint struct {
	resident float64 // as the system counts it
	live     float64 // of the heap and the stacks, after garbage was collected
}

// per returns what each of n things adds to what was there before.
func (f footprint) per(n int, before footprint) footprint {
	return footprint{(f.resident - before.resident) / float64(n), (f.live - before.live) / float64(n)}
}

// hold waits while sockets are open, and fails as soon as it finds that one is not.
type hold func(context.Context, time.Duration) error

// footprint reads the proxy's memory, while others hold sockets to it. Garbage is collected twice:
// what a pool holds outlives the first time.
func (p *proxyProcess) footprint(ctx context.Context, wait hold, settle time.Duration) (footprint, error) {
	for range 2 {
		if err := p.collect(ctx); err != nil {
			return footprint{}, err
		}
	}
	u, err := p.meter(ctx)()
	if err != nil {
		return footprint{}, err
	}
	if err := wait(ctx, settle); err != nil {
		return footprint{}, err
	}
	settled, err := p.meter(ctx)()
	return footprint{resident: settled.memory, live: u.heap + u.stacks}, err
}

// collect has the proxy collect garbage: a heap profile does that beforehand if it is asked to.
func (p *proxyProcess) collect(ctx context.Context) error {
	response, err := p.get(ctx, "/debug/pprof/heap?gc=1")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("collecting the proxy's garbage: %s", response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
