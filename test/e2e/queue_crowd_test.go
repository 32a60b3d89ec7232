package e2e

import (
	"strconv"
	"testing"
	"time"
)

// crowd are workers of one group at two replicas. Some of them end again and again with records in hand, and others take their
// places.
type crowd struct {
	t            *testing.T
	topic, group string
	replicas     []*proxy
	workers      []*crowdWorker

	dealt    map[string]int  // how often each record came
	sent     map[string]bool // records on which an acknowledgement was given
	accepted map[string]int  // records that Kafka has settled, as workers were told
}

type crowdWorker struct {
	*worker

	values map[string]string // of the records that came, by their ids
	ends   int               // after how many records it is cut off; 0 for never
}

// enter opens the i-th worker.
func (c *crowd) enter(i int) {
	c.t.Helper()
	w := &crowdWorker{values: make(map[string]string)}
	w.worker = c.replicas[i%len(c.replicas)].worker(c.t, c.topic, c.group, "window=4", "confirm=true")
	if i%4 == 3 {
		w.ends = 10 + i
	}
	c.workers[i] = w
}

// step takes the next frame of a worker, if there is one.
func (c *crowd) step(i int) (some bool) {
	c.t.Helper()
	w := c.workers[i]
	select {
	case message, open := <-w.came:
		if !open {
			c.t.Fatalf("worker %d was closed: %v", i, w.over)
		}
		c.take(i, parse[queueFrame](c.t, message), message)
		return true
	default:
		return false
	}
}

func (c *crowd) take(i int, f queueFrame, message string) {
	c.t.Helper()
	w := c.workers[i]
	switch {
	case f.Settled != nil:
		for _, id := range *f.Settled {
			c.accepted[w.values[id]]++
		}
	case f.Delivery == nil:
		c.t.Fatalf("got %s", message)
	case len(w.values)+1 == w.ends:
		_ = w.conn.CloseNow()
		c.enter(i)
	default:
		value := text(c.t, f)
		w.values[f.ID] = value
		c.dealt[value]++
		c.sent[value] = true
		w.send(acknowledgement("accept", f.ID))
	}
}

// TestQueueCrowd has each record accepted at most once, and loses none.
func TestQueueCrowd(t *testing.T) {
	const count, partitions, workers = 600, 3, 8
	onBoth(t, func(t *testing.T, k *cluster) {
		c := &crowd{
			t: t, topic: k.topic(t, partitions), group: k.group(), replicas: []*proxy{k.run(t), k.start(t)}, workers: make([]*crowdWorker, workers),
			dealt: make(map[string]int), sent: make(map[string]bool), accepted: make(map[string]int),
		}
		k.produce(t, c.topic, numbered(0, count, partitions, 0)...)
		for i := range workers {
			c.enter(i)
		}
		looked := time.Now()
		eventually(t, "all are settled", func() bool {
			for some := true; some; {
				some = false
				for i := range workers {
					some = c.step(i) || some
				}
			}
			if len(c.sent) < count || time.Since(looked) < time.Second/5 {
				return false
			}
			looked = time.Now()
			return k.isSettled(t, c.group, c.topic)
		})
		for n := range count {
			value := strconv.Itoa(n)
			if got := c.accepted[value]; got > 1 || got == 0 && c.dealt[value] == 0 {
				t.Errorf("%s came %d times and was accepted %d times", value, c.dealt[value], got)
			}
		}
		t.Logf("%d of %d are known as accepted", len(c.accepted), count)
	})
}
