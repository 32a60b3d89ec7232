package feed

import "testing"

// TestAQueueThatConflates has a record replace the one of its key that an earlier batch has brought.
func TestAQueueThatConflates(t *testing.T) {
	q := newQueue(true)
	for n, key := range []string{"a", "b", "a"} {
		q.push(location{record: n}, tableKey{key: key}, true, uint64(n))
	}
	for _, want := range []struct{ record, left, waits int }{{1, 1, 2}, {2, 0, 1}} {
		if q.waits != want.waits {
			t.Fatalf("%d records wait, want %d", q.waits, want.waits)
		}
		if at, left := q.next(); at.record != want.record || left != want.left {
			t.Errorf("record %d is next, and %d are left out, want %d and %d", at.record, left, want.record, want.left)
		}
		q.given()
	}
	if q.waits != 0 {
		t.Errorf("%d records wait after all were given", q.waits)
	}
}
