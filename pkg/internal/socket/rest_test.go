package socket

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnIdleConnectionGivesBackWhatABurstTook sends many messages whose answers come together, and then
// nothing.
func TestAnIdleConnectionGivesBackWhatABurstTook(t *testing.T) {
	const burst = 1000
	synctest.Test(t, func(t *testing.T) {
		kafka, settings := &producer{}, testSettings()
		c, p, _ := accept(t, settings, 8<<20)
		options := inOptions(kafka)
		options.MaxInFlight = burst
		f := newIn(c, options)
		go c.writeLoop(f.answers)
		over := make(chan struct{})
		go func() {
			defer close(over)
			f.readLoop(f.take)
			c.finish()
		}()
		message := produce("id", strings.Repeat("x", 200))
		for range burst {
			p.send(opText, message)
		}
		synctest.Wait()
		for n := range burst {
			kafka.ack(n)
		}
		synctest.Wait()
		kept := func() int {
			synctest.Wait() // and see what the writer wrote
			a := f.answers
			c.mu.Lock()
			defer c.mu.Unlock()
			return cap(a.queue) + cap(a.taken) + cap(a.free) + cap(c.out) + cap(c.texts) + cap(c.pongs)
		}
		if busy := kept(); busy < burst {
			t.Errorf("after the burst it keeps %d, want more", busy)
		}
		c.Wake() // what the writer changes from here on comes after what was read above
		time.Sleep(settings.PingInterval + time.Second)
		if idle := kept(); idle > 64 { // a ping
			t.Errorf("an idle connection keeps %d", idle)
		}
		p.send(opPong, keepalivePing)
		synctest.Wait()
		if c.arrived.large != nil || c.message != nil || f.staged != nil || f.messages != nil {
			t.Error("an idle connection keeps a large read buffer, a message or room for more of them")
		}
		_ = p.Close()
		<-over
	})
}
