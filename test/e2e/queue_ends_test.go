package e2e

import (
	"testing"
	"time"
)

// TestQueueRecordsOfAResetWorkerGoToAnother bounds how soon. Locks last for half a minute.
func TestQueueRecordsOfAResetWorkerGoToAnother(t *testing.T) {
	const within = 10 * time.Second // a second where nobody else uses the machine
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		p := k.run(t)
		first := p.raw(t, queuePath(topic, group))
		for range 3 {
			first.until(opText)
		}
		second := p.worker(t, topic, group)
		began := time.Now()
		first.reset()
		for value, id := range second.records(3) {
			t.Logf("%s came after %v", value, time.Since(began))
			second.send(acknowledgement("accept", id))
		}
		if took := time.Since(began); took > within {
			t.Errorf("the records came after %v", took)
		}
		k.awaitSettled(t, group, topic)
	})
}

// TestQueueDrainReleases has a replica drain whose worker holds records, and another replica with an idle one.
func TestQueueDrainReleases(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		drained, stays := k.start(t), k.run(t)
		first := drained.worker(t, topic, group, "confirm=true")
		held := first.records(3)
		second := stays.worker(t, topic, group)
		first.send(acknowledgement("accept", held["0"]))
		first.wantFrame(settledIDs(held["0"]))
		wait := drained.shutdown()
		defer wait()
		first.wantEnd(1012)
		again := second.records(2)
		if again["1"] != held["1"] || again["2"] != held["2"] {
			t.Errorf("got %v, want two of %v", again, held)
		}
		second.send(acknowledgement("accept", again["1"], again["2"]))
		k.awaitSettled(t, group, topic)
	})
}

func TestQueueOfADeletedTopicEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		w := k.run(t).worker(t, topic, group)
		held := w.records(3)
		k.delete(t, topic)
		w.send(acknowledgement("accept", held["0"]))
		w.wantEnd(4404)
	})
}

// wantEnd reads on until the connection ends with a close code.
func (w *worker) wantEnd(code int) {
	w.t.Helper()
	if got := w.end(); got != code {
		w.t.Fatalf("closed with %d: %v, want %d", got, w.over, code)
	}
}

// end reads on until the connection ends, and returns the close code.
func (w *worker) end() (code int) {
	w.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, open := <-w.came:
			if !open {
				return closeStatus(w.over)
			}
		case <-deadline:
			w.t.Fatalf("not closed within %v", patience)
		}
	}
}

// TestQueueRecordsOfASilentWorkerGoToAnother has a client whose machine is gone as far as the proxy can tell: once it has its records, which
// takes longer than a pong may on a busy machine, it answers no ping.
func TestQueueRecordsOfASilentWorkerGoToAnother(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 2, 1, 0)...)
		p := k.start(t, "PING_INTERVAL=200ms", "PONG_TIMEOUT=2s")
		silent := p.raw(t, queuePath(topic, group))
		for records := 0; records < 2; {
			switch op, payload := silent.read(); op {
			case opText:
				records++
			case opPing:
				silent.send(opPong, payload)
			}
		}
		other := p.worker(t, topic, group) // it answers
		for _, id := range other.records(2) {
			other.send(acknowledgement("accept", id))
		}
		k.awaitSettled(t, group, topic)
	})
}
