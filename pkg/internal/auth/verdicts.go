package auth

import (
	"sync"
	"time"
)

// verdicts remembers digests for a time, and not too many of them.
type verdicts struct {
	mu    sync.Mutex
	until map[digest]time.Time // guarded by mu
}

func (v *verdicts) has(key digest) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := v.until[key]
	return ok && time.Now().Before(until)
}

func (v *verdicts) add(key digest, life time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	if v.until == nil {
		v.until = make(map[digest]time.Time)
	}
	if len(v.until) >= maxVerdicts {
		v.forget(now)
	}
	v.until[key] = now.Add(life)
}

// forget makes room: what is over goes, and where nothing is, any that come first. v.mu is held.
func (v *verdicts) forget(now time.Time) {
	for key, until := range v.until {
		if !now.Before(until) {
			delete(v.until, key)
		}
	}
	for key := range v.until {
		if len(v.until) <= maxVerdicts/2 {
			return
		}
		delete(v.until, key)
	}
}
