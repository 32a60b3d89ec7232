package e2e

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	goclient "github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// TestTheGoClientMovesToAnotherReplica when the one that it uses ends: its producer's messages are all written, each once, since a replica that
// ends answers what it has; and its tail has each once.
func TestTheGoClientMovesToAnotherReplica(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		first, second := k.start(t), k.run(t)
		link := newRelay(t, first.addr)
		c := second.goClient(t, func(o *goclient.Options) { o.URL = "ws://" + link.addr })
		ctx := testContext(t)
		const count = 4000
		var failed atomic.Pointer[error]
		w := c.Producer(goclient.ProducerOptions{Topic: topic, MaxInFlight: 100})
		defer w.Close()
		var writing sync.WaitGroup
		writing.Go(func() {
			for i := range count {
				if i == count/2 {
					link.turn(second.addr)
					first.app.Shutdown()
				}
				if err := w.Enqueue(ctx, goclient.Message{Value: []byte(strconv.Itoa(i))}, func(_ goclient.Ack, err error) {
					if err != nil {
						failed.Store(&err)
					}
				}); err != nil {
					failed.Store(&err)
				}
			}
		})
		defer writing.Wait()
		seen := map[string]bool{}
		for e, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}, From: "earliest"}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Gap != nil {
				t.Errorf("a gap: %+v", e.Gap)
			}
			if e.Record == nil {
				continue
			}
			if seen[string(e.Record.Value)] {
				t.Fatalf("%s comes twice", e.Record.Value)
			}
			if seen[string(e.Record.Value)] = true; len(seen) == count {
				break
			}
		}
		if err := failed.Load(); err != nil {
			t.Error(*err)
		}
		if link.dialled() < 4 {
			t.Errorf("%d connections", link.dialled())
		}
	})
}
