package fair

import (
	"sync"
	"time"
)

// mostRecent is how many keys a Recent keeps.
const mostRecent = 8192

// Recent keeps keys for a limited time, and a limited number of them.
type Recent[K comparable] struct {
	life time.Duration

	mu    sync.Mutex
	until map[K]time.Time // guarded by mu
}

// NewRecent returns a Recent that keeps each key for life after it was last added.
func NewRecent[K comparable](life time.Duration) *Recent[K] {
	return &Recent[K]{life: life, until: make(map[K]time.Time)}
}

// Has tells whether a key was added and has not expired.
func (r *Recent[K]) Has(key K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Before(r.until[key])
}

// Add remembers a key.
func (r *Recent[K]) Add(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if len(r.until) >= mostRecent {
		r.forget(now)
	}
	r.until[key] = now.Add(r.life)
}

// Remove forgets a key.
func (r *Recent[K]) Remove(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.until, key)
}

// forget makes room: it removes expired keys, and then any others until three quarters of the limit are
// left. r.mu is held.
func (r *Recent[K]) forget(now time.Time) {
	for key, until := range r.until {
		if !now.Before(until) {
			delete(r.until, key)
		}
	}
	for key := range r.until {
		if len(r.until) <= mostRecent*3/4 {
			return
		}
		delete(r.until, key)
	}
}
