package socket

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestWhoLeavesTheGroup has a connection end in every way. If the peer was cut off, or a newer
// connection has its identity, the member stays in the group.
func TestWhoLeavesTheGroup(t *testing.T) {
	lost := func(cause error) func(*Conn, *peer) {
		return func(c *Conn, p *peer) {
			c.End(EndWith(proxy.Wrap(cause, proxy.KindDuplicateClient, "Somebody else has the place."), time.Second))
			p.wantClose(proxy.CloseReplaced)
			p.sendClose(int(proxy.CloseReplaced), "")
		}
	}
	tests := map[string]struct {
		end    func(*Conn, *peer)
		leaves bool
	}{
		"the client closes": {func(_ *Conn, p *peer) {
			p.sendClose(1000, "")
			p.wantClose(proxy.CloseNormal)
		}, true},
		"the client goes away": {func(_ *Conn, p *peer) {
			p.sendClose(1001, "")
			p.wantClose(proxy.CloseGoingAway)
		}, true},
		"the client closes without a code": {func(_ *Conn, p *peer) {
			p.send(opClose, "")
			p.want(opClose, "")
		}, true},
		"the client breaks the protocol": {func(_ *Conn, p *peer) {
			p.send(opText, "\xff")
			p.wantClose(proxy.CloseInvalidPayload)
		}, true},
		"an administrator ends it": {lost(nil), true},
		"the replica drains": {func(c *Conn, p *peer) {
			c.End(drained(time.Second))
			p.wantClose(proxy.CloseServiceRestart)
			p.sendClose(int(proxy.CloseServiceRestart), "")
		}, true},
		"the replica drains, the client is dead": {func(c *Conn, _ *peer) {
			c.End(drained(time.Second))
			time.Sleep(time.Minute)
		}, true},
		"it is as old as connections get": {func(c *Conn, p *peer) {
			c.End(Ending{Code: proxy.CloseServiceRestart, Grace: time.Second, Returns: true})
			p.wantClose(proxy.CloseServiceRestart)
			p.sendClose(int(proxy.CloseServiceRestart), "")
		}, false},
		"somebody takes its place": {lost(proxy.ErrSucceeded), false},
		"the connection is cut":    {func(_ *Conn, p *peer) { _ = p.Close() }, false},
		"the client is silent":     {func(*Conn, *peer) { time.Sleep(time.Hour) }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := quietSettings()
				settings.PingInterval, settings.PongTimeout = 10*time.Minute, time.Minute
				c, p, _ := accept(t, settings, bufferSize)
				kafka := newConsumer(0)
				over := serveOut(c, outOptions(kafka))
				synctest.Wait()
				test.end(c, p)
				<-over
				if !kafka.closed || kafka.left != test.leaves {
					t.Errorf("closed: %v, left the group: %v, want %v", kafka.closed, kafka.left, test.leaves)
				}
			})
		})
	}
}
