package session

// Retire tells the other replicas that this one drains: its clients are to come to them, and theirs not to it.
func (s *Sessions) Retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replica.retire()
}

func (r *replica) retire() {
	r.retired = true
	if r.caughtUp && !r.left {
		r.beat()
	}
}

// HasPeers tells whether another replica of the pool lives and does not drain, as far as this one's view of the log is
// fresh. What it says may be old by a lease: a replica that has crashed lives for so long.
func (s *Sessions) HasPeers() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replica.hasPeers()
}

func (r *replica) hasPeers() bool {
	if !r.caughtUp || !r.isFresh() {
		return false
	}
	for id, run := range r.fold.runs {
		silent := r.fold.now-run.heard > r.leaseOf(run)
		if id != r.id && run.pool == r.settings.Pool && run.lapsed == nil && !run.leaves && !silent {
			return true
		}
	}
	return false
}
