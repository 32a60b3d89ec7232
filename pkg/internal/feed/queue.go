package feed

// mostQueued is how many records may wait in a queue. A tail that has more is slow.
const mostQueued = 8192

// queue has where the records of a tail with a selection lie.
type queue struct {
	open     bool // whether it gets records
	overflow bool // whether it has been given too many
	records  []location
	done     int // how many of the records were given
}

// push adds a record.
func (q *queue) push(at location) {
	if q.done > 0 && q.done == len(q.records) {
		q.records, q.done = q.records[:0], 0
	}
	if len(q.records)-q.done >= mostQueued {
		*q = queue{overflow: true}
		return
	}
	q.records = append(q.records, at)
}

// waiting returns how many records are left.
func (q *queue) waiting() int { return len(q.records) - q.done }

// enqueue is called for each record that the selection wants, under the lock of the log.
func (t *Tail) enqueue(at location) {
	t.mu.Lock()
	if t.queue.open {
		t.queue.push(at)
	}
	t.mu.Unlock()
	t.wake()
}
