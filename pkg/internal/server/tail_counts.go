package server

import (
	"maps"
	"sync"
)

// tailCounts counts the tails of this replica by topic.
type tailCounts struct {
	mu     sync.Mutex // guards what follows
	counts map[string]int
}

// add counts more or fewer tails of a topic.
func (c *tailCounts) add(topic string, tails int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = make(map[string]int)
	}
	if c.counts[topic] += tails; c.counts[topic] == 0 {
		delete(c.counts, topic)
	}
}

// Tails returns how many tails there are, by topic.
func (c *tailCounts) Tails() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}
