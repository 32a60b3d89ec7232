package fair

import (
	"sync"
	"time"
)

// mostAccounts is how many keys a Budget remembers.
const mostAccounts = 8192

// Budget is how often something may fail, by a key such as an address. Each key begins with a full
// account, of which failures take one each, and which fills again with time.
type Budget struct {
	most  float64       // in an account
	every time.Duration // one comes back

	mu       sync.Mutex
	accounts map[string]account // guarded by mu; those that are not full
}

// account is what was left at a time. It may be less than nothing: of those that were let through
// together all may fail.
type account struct {
	left float64
	at   time.Time
}

// NewBudget returns a Budget of so many failures in a row, of which one comes back in each interval.
func NewBudget(most int, every time.Duration) *Budget {
	return &Budget{most: float64(most), every: every, accounts: make(map[string]account)}
}

// Exhausted tells whether a key has failed too often lately.
func (b *Budget) Exhausted(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left(key, time.Now()) < 1
}

// Fail counts a failure of a key.
func (b *Budget) Fail(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	left := max(b.left(key, now)-1, -b.most)
	if _, known := b.accounts[key]; !known && len(b.accounts) >= mostAccounts {
		b.forget(now)
	}
	b.accounts[key] = account{left, now}
}

// left needs b.mu.
func (b *Budget) left(key string, now time.Time) float64 {
	known, ok := b.accounts[key]
	if !ok {
		return b.most
	}
	return min(b.most, known.left+float64(now.Sub(known.at))/float64(b.every))
}

// forget makes room: accounts that are full again go, and where all are in use, any that come first.
// b.mu is held.
func (b *Budget) forget(now time.Time) {
	for key := range b.accounts {
		if b.left(key, now) >= b.most {
			delete(b.accounts, key)
		}
	}
	for key := range b.accounts {
		if len(b.accounts) <= mostAccounts*3/4 {
			return
		}
		delete(b.accounts, key)
	}
}
