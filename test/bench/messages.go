package main

import (
	"io"
	"sync"
)

// messages is where progress goes: of this program, and of the proxy's log, at the same time.
type messages struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (m *messages) Write(text []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.to.Write(text)
}
