package feed

// mostQueued is how many records may wait in a queue. A tail that has more is slow.
const mostQueued = 8192

// queue has where the records of a tail with a selection lie.
//
// One that conflates keeps the newest record of each key of a tail that does not keep up: while it is behind, and of
// what an earlier batch has brought. Records without a key stay.
type queue struct {
	open     bool // whether it gets records
	overflow bool // whether it has been given too many
	records  []queued
	done     int // how many of the records were given, or left out
	waits    int // how many are to be given

	newest map[tableKey]int // where the last record of each key is in records; nil if the queue does not conflate
	behind bool             // whether the tail could not be given all when it was asked
}

// queued is a record of a queue.
type queued struct {
	location

	batch   uint64
	isGone  bool // whether a newer one is in its place
	left    int  // how many were left out between the one before and this one
	earlier int  // where the one before of its key is, -1 where none is or it is gone
}

// newQueue returns an open queue.
func newQueue(conflates bool) queue {
	q := queue{open: true}
	if conflates {
		q.newest = map[tableKey]int{}
	}
	return q
}

// push adds a record of a batch.
func (q *queue) push(at location, key tableKey, hasKey bool, batch uint64) {
	if q.waits >= mostQueued {
		*q = queue{overflow: true}
		return
	}
	if len(q.records) > 2*q.waits+64 {
		q.tidy()
	}
	entry := queued{location: at, batch: batch, earlier: -1}
	if q.newest != nil && hasKey {
		if last, is := q.newest[key]; is && last >= q.done {
			entry.earlier = q.replace(last, batch)
		}
		q.newest[key] = len(q.records)
	}
	q.records = append(q.records, entry)
	q.waits++
}

// pushFrom adds a record that the ring has. It returns false where that is too much.
func (q *queue) pushFrom(c *chunk, at location, batch uint64) bool {
	key, has := c.tableKey(at.record)
	q.push(at, key, has, batch)
	return !q.overflow
}

// replace leaves out those of a key for which a newer record comes. It returns where the last one is that stays.
func (q *queue) replace(last int, batch uint64) (stays int) {
	if !q.behind && q.records[last].batch == batch {
		return last
	}
	for i := last; i >= q.done && !q.records[i].isGone; i = q.records[i].earlier {
		q.records[i].isGone = true
		q.waits--
	}
	return -1
}

// fallBehind is called when the tail was not given all that waits.
func (q *queue) fallBehind() {
	if q.newest == nil || q.behind {
		return
	}
	q.behind = true
	for _, last := range q.newest {
		if last >= q.done {
			q.replace(q.records[last].earlier, 0)
			q.records[last].earlier = -1
		}
	}
}

// tidy forgets what was given or left out.
func (q *queue) tidy() {
	kept, left := make([]queued, 0, 2*q.waits+1), 0
	places := make(map[int]int, q.waits)
	for i := q.done; i < len(q.records); i++ {
		entry := q.records[i]
		if left += entry.left; entry.isGone {
			left++
			continue
		}
		entry.left, left = left, 0
		if place, is := places[entry.earlier]; is {
			entry.earlier = place
		} else {
			entry.earlier = -1
		}
		places[i] = len(kept)
		kept = append(kept, entry)
	}
	for key, last := range q.newest {
		if place, is := places[last]; is {
			q.newest[key] = place
		} else {
			delete(q.newest, key)
		}
	}
	q.records, q.done = kept, 0
}

// next returns where the record lies that is to be given next, and how many are left out before it. There must be one.
func (q *queue) next() (at location, left int) {
	for i := q.done; ; i++ {
		if left += q.records[i].left; !q.records[i].isGone {
			return q.records[i].location, left
		}
		left++
	}
}

// given is called when the next one was given.
func (q *queue) given() {
	for q.records[q.done].isGone {
		q.done++
	}
	q.done++
	if q.waits--; q.waits == 0 {
		q.records, q.done, q.behind = q.records[:0], 0, false
		clear(q.newest)
	}
}

// enqueue is called for each record that the selection wants, under the lock of the log.
func (t *Tail) enqueue(at location, key tableKey, hasKey bool, batch uint64) {
	t.mu.Lock()
	if t.queue.open {
		t.queue.push(at, key, hasKey, batch)
	}
	t.mu.Unlock()
	t.wake()
}
