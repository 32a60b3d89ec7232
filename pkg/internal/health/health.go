// Package health tells whether this process is alive and whether it is ready for connections.
//
// Readiness is a list of named checks. The component that a check is about sets its result, or
// Probe runs the check on a schedule. A request only reads the last results, so that /readyz
// answers at once, whatever Kafka does.
package health

import (
	"errors"
	"sync"
)

var errNotChecked = errors.New("not checked yet")

// Checks are the last results of the readiness checks, by name. It is safe for concurrent
// use.
type Checks struct {
	names   []string // fixed after construction, in the order they are shown
	onReady func(ready bool)

	mu      sync.Mutex
	results map[string]error // guarded by mu; one entry per name, nil is fine
	ready   bool             // guarded by mu
}

// New returns the checks of names, shown in this order. Each is "not checked yet" until its first
// result, and makes the whole not ready until then.
//
// onReady, which may be nil, is called with every change of readiness, in order and from false
// on. It must be quick and must not call c.
func New(onReady func(ready bool), names ...string) *Checks {
	c := &Checks{names: names, onReady: onReady, results: make(map[string]error, len(names))}
	for _, name := range names {
		c.results[name] = errNotChecked
	}
	return c
}

// Tolerable is a result that is shown, and leaves the replica ready.
type Tolerable string

// Error implements error.
func (t Tolerable) Error() string { return string(t) }

// Set records a result of the check called name: nil is "ok"; the text of another error is shown
// in the answer of /readyz, and makes the whole not ready unless the error is Tolerable. It panics if New was not given the name, because such a check would
// be missing from the answer.
func (c *Checks) Set(name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.results[name]; !ok {
		panic("health: no check is called " + name)
	}
	c.results[name] = err
	ready := c.allFine()
	if ready == c.ready {
		return
	}
	c.ready = ready
	if c.onReady != nil {
		c.onReady(ready)
	}
}

// Ready tells whether every check is fine, or failed tolerably.
func (c *Checks) Ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ready
}

// allFine tells what Ready does. c.mu is held.
func (c *Checks) allFine() bool {
	for _, err := range c.results {
		if _, tolerable := errors.AsType[Tolerable](err); err != nil && !tolerable {
			return false
		}
	}
	return true
}
