package session

const (
	// replayBatch is how many records are handed to the folding goroutine at a time.
	replayBatch = 1024
	// replayAhead is how many batches may be decoded and not folded yet.
	replayAhead = 4
)

// replay folds records while the log's reader decodes the next ones: a replica that starts has a
// long log to read, and no client can connect to it meanwhile.
type replay struct {
	batch   []logged
	batches chan []logged
	stop    <-chan struct{}
	done    chan struct{}
}

// beginReplay starts a replay. s.mu is held.
func (s *Sessions) beginReplay() *replay {
	r := &replay{batches: make(chan []logged, replayAhead), stop: s.stop, done: make(chan struct{})}
	if s.closed {
		close(r.done)
		return r
	}
	s.replays.Go(func() {
		defer close(r.done)
		s.foldAll(r)
	})
	return r
}

func (s *Sessions) foldAll(r *replay) {
	for {
		select {
		case batch, more := <-r.batches:
			if !more {
				return
			}
			s.foldBatch(batch)
		case <-s.stop:
			return
		}
	}
}

func (s *Sessions) foldBatch(batch []logged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		s.replica.fold.apply(batch[i])
	}
}

// add appends a record, and hands over a full batch.
func (r *replay) add(l logged) {
	r.batch = append(r.batch, l)
	if len(r.batch) == replayBatch {
		r.flush()
	}
}

func (r *replay) flush() {
	select {
	case r.batches <- r.batch:
	case <-r.stop:
	}
	r.batch = make([]logged, 0, replayBatch)
}

// end waits until everything is folded. r may be nil.
func (r *replay) end() {
	if r == nil {
		return
	}
	r.flush()
	close(r.batches)
	<-r.done
}
