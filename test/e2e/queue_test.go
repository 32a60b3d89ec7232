package e2e

import (
	"testing"
	"time"
)

func TestQueueDealsEachRecordToOneWorker(t *testing.T) {
	const count = 40
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 2), k.group()
		p := k.run(t)
		k.produce(t, topic, numbered(0, count, 2, 0)...)
		one, other := p.worker(t, topic, group, "window=3"), p.worker(t, topic, group, "window=5")
		seen := make(map[string]int)
		began := time.Now()
		for len(seen) < count {
			for _, w := range []*worker{one, other} {
				select {
				case message, ok := <-w.came:
					if !ok {
						t.Fatal(w.over)
					}
					f := parse[queueFrame](t, message)
					if f.Delivery == nil || f.Delivery.Count != 1 || f.Delivery.Until < began.UnixMilli() {
						t.Fatalf("got %s", message)
					}
					seen[text(t, f)]++
					w.send(verdict("accept", f.ID))
				default:
				}
			}
			if time.Since(began) > patience {
				t.Fatalf("only %d came", len(seen))
			}
		}
		k.awaitSettled(t, group, topic)
		for value, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", value, n)
			}
		}
	})
}

func TestQueueReleasesWhatAnEndedWorkerHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.run(t)
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		first := p.worker(t, topic, group)
		held := first.records(3)
		first.send(verdict("accept", held["0"]))
		first.close()
		second := p.worker(t, topic, group)
		again := second.records(2)
		if again["1"] != held["1"] || again["2"] != held["2"] {
			t.Errorf("got %v, want two of %v", again, held)
		}
		second.send(verdict("accept", again["1"], again["2"]))
		k.awaitSettled(t, group, topic)
	})
}
