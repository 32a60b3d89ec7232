package readme

import "testing"

// testQueues runs the worker of docs/queues.md twice: the two share the records of the topic.
func (r *reader) testQueues(t *testing.T) {
	t.Helper()
	worker := r.take(t, queues, "js queue")
	one := runInNode(t, worker)
	one.await(t, `^works on sensor-\d \d+$`)
	runInNode(t, worker).await(t, `^works on sensor-\d \d+$`)
	one.await(t, `^works on sensor-\d \d+$`)
}
