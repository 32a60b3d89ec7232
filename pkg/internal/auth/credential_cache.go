package auth

import (
	"sync"
	"time"
)

// credentialCache remembers digests for a time, and not too many of them.
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

// forget makes room: what is over goes, and where nothing is, any that come first. c.mu is held.
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
