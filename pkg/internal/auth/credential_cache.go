package auth

import (
	"sync"
	"time"
)

// credentialCache keeps digests for a limited time, and a limited number of them.
type credentialCache struct {
	mu    sync.Mutex
	until map[digest]time.Time // guarded by mu
}

func (c *credentialCache) has(key digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.until[key]
	return ok && time.Now().Before(until)
}

func (c *credentialCache) add(key digest, life time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.until == nil {
		c.until = make(map[digest]time.Time)
	}
	if len(c.until) >= maxCachedCredentials {
		c.forget(now)
	}
	c.until[key] = now.Add(life)
}

// forget makes room: it removes expired entries, and then any others until half of the limit are left.
// c.mu is held.
func (c *credentialCache) forget(now time.Time) {
	for key, until := range c.until {
		if !now.Before(until) {
			delete(c.until, key)
		}
	}
	for key := range c.until {
		if len(c.until) <= maxCachedCredentials/2 {
			return
		}
		delete(c.until, key)
	}
}
