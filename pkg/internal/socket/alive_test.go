package socket

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestASlowPeerIsAlive asks for a sign of life behind a full socket, where the ping cannot be written.
func TestASlowPeerIsAlive(t *testing.T) {
	const within = 2 * time.Second
	for name, test := range map[string]struct {
		after time.Duration // when the peer sends something
		alive bool
	}{
		"soon: it may have been under way": {underWay - 1, false},
		"later":                            {underWay, true},
		"too late":                         {within + 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), 100)
				src := &script{}
				src.add(c, opText, strings.Repeat("x", 1000))
				r := serve(c, src, nil)
				synctest.Wait()
				alive := make(chan bool, 1)
				c.Alive(within, func(is bool) { alive <- is })
				time.Sleep(test.after)
				p.send(opPong, "")
				if got := <-alive; got != test.alive {
					t.Errorf("alive: %t, want %t", got, test.alive)
				}
				_ = p.Close()
				<-r.over
			})
		})
	}
}
