package socket

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAClientsCloseConfirmsWhatItHas has a client close with records that no pong confirms yet: a last ping
// comes before the echo, and its pong has them committed.
func TestAClientsCloseConfirmsWhatItHas(t *testing.T) {
	pong := func(p *peer, ping string) { p.send(opPong, ping) }
	for name, test := range map[string]struct {
		answer    func(p *peer, ping string)
		echo      time.Duration // until the echo
		committed int64
	}{
		"a pong":                  {pong, 0, 3},
		"a late pong":             {func(p *peer, ping string) { time.Sleep(400 * time.Millisecond); pong(p, ping) }, 400 * time.Millisecond, 3},
		"no pong":                 {func(*peer, string) {}, confirmTimeout, 2},
		"another pong":            {func(p *peer, _ string) { pong(p, "own") }, confirmTimeout, 2},
		"after pings and another": {func(p *peer, ping string) { p.send(opPing, "x"); pong(p, "own"); pong(p, ping) }, 0, 3},
		"a message":               {func(p *peer, _ string) { p.send(opText, "{}") }, 0, 2},
		"a broken frame":          {func(p *peer, _ string) { _, _ = p.Write([]byte("\x8a\x01xxxxx")) }, 0, 2},
		"a long control frame":    {func(p *peer, _ string) { p.sendFrame(finalFragment|byte(opPong), string(make([]byte, 126))) }, 0, 2},
		"a second close frame":    {func(p *peer, ping string) { p.sendClose(1000, ""); pong(p, ping) }, 0, 3},
		"the end":                 {func(p *peer, _ string) { _ = p.CloseWrite() }, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				over := serveOut(c, outOptions(kafka))
				kafka.feed(0, 0, 2)
				p.wantRecords(0, 0, 2)
				p.send(opPong, p.wantPing())
				kafka.feed(0, 2, 3)
				p.wantRecords(0, 2, 3)
				wantPosition(t, kafka, 0, 2)
				began := time.Now()
				p.sendClose(1001, "")
				synctest.Wait()
				kafka.feed(0, 3, 4) // is not delivered anymore
				ping := p.wantPing()
				wantElapsed(t, began, 0, 0)
				test.answer(p, ping)
				if before, _ := p.wantClose(proxy.CloseGoingAway); len(before) > 0 {
					t.Errorf("got %q before the echo", before)
				}
				wantElapsed(t, began, test.echo, 0)
				<-over
				wantResult(t, c, proxy.CloseGoingAway)
				wantPosition(t, kafka, 0, test.committed)
			})
		})
	}
}

// TestACloseWithNothingToConfirmIsEchoedAtOnce has clients close that have confirmed all records, or that
// commit themselves.
func TestACloseWithNothingToConfirmIsEchoedAtOnce(t *testing.T) {
	for name, options := range map[string]func(c *consumer) OutOptions{"confirmed": outOptions, "commits itself": manualOptions} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				o := options(kafka)
				over := serveOut(c, o)
				kafka.feed(0, 0, 2)
				p.wantRecords(0, 0, 2)
				if o.AutoCommit {
					p.send(opPong, p.wantPing())
				}
				synctest.Wait()
				began := time.Now()
				p.sendClose(1000, "")
				if before, _ := p.wantClose(proxy.CloseNormal); len(before) > 0 {
					t.Errorf("got %q before the echo", before)
				}
				<-over
				wantElapsed(t, began, 0, 0)
			})
		})
	}
}

// TestAClosingClientIsNotAlive asks for a sign of life while a client's close is being confirmed: whoever
// wants its place gets it.
func TestAClosingClientIsNotAlive(t *testing.T) {
	for name, within := range map[string]time.Duration{"until it has ended": time.Second, "for less long": confirmTimeout / 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				over := serveOut(c, outOptions(kafka))
				kafka.feed(0, 0, 2)
				p.wantRecords(0, 0, 2)
				first := p.wantPing()
				kafka.feed(0, 2, 3)
				p.wantRecords(0, 2, 3)
				p.sendClose(1001, "")
				p.wantPing()
				alive := make(chan bool, 1)
				c.Alive(within, func(is bool) { alive <- is })
				p.want(opPing, signPing)
				p.send(opPong, first)
				p.send(opPong, signPing)
				if <-alive {
					t.Error("it counts as alive")
				}
				<-over
			})
		})
	}
}
