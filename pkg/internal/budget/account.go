package budget

// Account is what one connection holds of a kind, so that a connection that holds little does not wait behind those that
// hold much. At most one Acquire of an account waits at a time; its other methods may be called meanwhile. A nil *Account
// has no limit and counts nothing.
type Account struct {
	budget *Budget
	kind   Kind

	// Guarded by the budget's mu:
	held  int64
	waits *waiter // nil where it does not wait
}

// Account returns an account of a connection that holds nothing yet.
func (b *Budget) Account(k Kind) *Account {
	if b == nil {
		return nil
	}
	return &Account{budget: b, kind: k}
}

// Acquire is that of the budget, for the account.
func (a *Account) Acquire(done <-chan struct{}, bytes int64) error {
	if a == nil {
		return nil
	}
	return a.budget.acquire(done, a, bytes)
}

// TryAcquire takes bytes if there is room now.
func (a *Account) TryAcquire(bytes int64) bool {
	if a == nil {
		return true
	}
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	return a.budget.take(a, bytes)
}

// Release gives back what was acquired, in any portions. It panics if that is more than the account holds.
func (a *Account) Release(bytes int64) {
	if a == nil || bytes == 0 {
		return
	}
	b := a.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes > a.held {
		panic("budget: an account releases more than it holds")
	}
	b.release(a.kind, bytes)
	a.held -= bytes
	if a.waits != nil {
		b.waiting[a.kind].moved(a.waits)
	}
	b.admit()
}
