package fair

import (
	"sync"
	"time"
)

// mostAccounts is how many keys a Budget keeps.
const mostAccounts = 8192

// Budget limits how often something may fail, by a key such as an address. It is a token bucket for each
// key: the account of a key begins full, each failure takes one from it, and it fills again with time.
type Budget struct {
	most  float64       // in an account
	every time.Duration // one comes back

	mu       sync.Mutex
	accounts map[string]account // guarded by mu; those that are not full
}

// account is what was left at a time. It may be negative: all of the attempts that were allowed at the
// same time may fail.
type account struct {
	left float64
	at   time.Time
}

// NewBudget returns a Budget of most failures in a row, one of which is restored in each interval.
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

// left returns what is left in the account of a key. b.mu is held.
func (b *Budget) left(key string, now time.Time) float64 {
	known, ok := b.accounts[key]
	if !ok {
		return b.most
	}
	return min(b.most, known.left+float64(now.Sub(known.at))/float64(b.every))
}

// forget makes room: it removes the accounts that are full again, and then any others until three
// quarters of the limit are left. b.mu is held.
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
