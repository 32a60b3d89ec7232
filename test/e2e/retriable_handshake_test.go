package e2e

import (
	"net"
	"strings"
	"testing"

	"github.com/coder/websocket"

	contract "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// failsThenPasses checks that a handshake is refused in both of its forms while the cause lasts. When the
// cause is removed, both succeed, and the socket works.
func failsThenPasses(t *testing.T, p *proxy, path string, kind contract.Kind, takeAway func() *proxy) {
	t.Helper()
	class := kind.Class()
	byClosing := path + "&handshakeErrors=close"
	frames := p.dial(t, byClosing).ended(websocket.StatusCode(class.Close))
	if len(frames) != 1 {
		t.Fatalf("got %q, want one frame", frames)
	}
	retriable(t, frames[0], class.Code)
	got := p.upgrade(t, path)
	if f := got.failure(t); got.status != class.Status || f.Code != class.Code || got.header.Get("Retry-After") == "" {
		t.Errorf("got %d %+v, Retry-After %q", got.status, f, got.header.Get("Retry-After"))
	}
	p = takeAway()
	eventually(t, "the same handshake succeeds", func() bool { return p.upgrade(t, path).status == 101 })
	eventually(t, "the other one too", func() bool {
		c := p.dial(t, byClosing)
		if strings.HasPrefix(path, "/socket/in") {
			_ = c.write(websocket.MessageText, patientMessage) // the proxy may have closed already
		}
		frame := c.read()
		if parse[answer](t, frame).Error != nil {
			retriable(t, frame, class.Code)
			return false
		}
		return true
	})
}

func testUnavailableHandshake(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	p := k.start(t)
	p.kafka.shut(false)
	failsThenPasses(t, p, target("/socket/in", topic, nil), contract.KindKafkaUnavailable, func() *proxy {
		p.kafka.unlock()
		return p
	})
	wantPatient(t, k, topic, 1)
}

// testDrainingHandshake restarts the replica at the same address, so that the same handshake reaches it.
func testDrainingHandshake(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	k.produce(t, topic, numbered(0, 1, 1, 0)...)
	p := k.start(t)
	p.awaitReady(t, true)
	holding := p.raw(t, target("/socket/out", topic, []string{"groupId=" + k.group()}))
	ping := holding.until(opPing) // not answered yet: the drain waits
	wait := p.shutdown()
	path := target("/socket/in", topic, nil)
	eventually(t, "the replica drains", func() bool { return p.upgrade(t, path).status != 101 })
	failsThenPasses(t, p, path, contract.KindShuttingDown, func() *proxy {
		holding.send(opPong, ping)
		_ = holding.closeCode()
		_ = holding.conn.Close()
		wait()
		_, port, err := net.SplitHostPort(p.addr)
		if err != nil {
			t.Fatal(err)
		}
		return k.start(t, "PORT="+port)
	})
	wantPatient(t, k, topic, 2)
}

func testOverloadedHandshake(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	p := k.start(t, "MAX_CONNECTIONS=1")
	first := p.in(t, topic)
	failsThenPasses(t, p, target("/socket/in", topic, nil), contract.KindOverloaded, func() *proxy {
		first.close()
		return p
	})
	wantPatient(t, k, topic, 1)
}

func testLimitedHandshake(t *testing.T, k *cluster) {
	topic, group := k.topic(t, 1), k.group()
	k.produce(t, topic, numbered(0, 1, 1, 0)...)
	p := k.start(t)
	p.awaitReady(t, true)
	first := p.out(t, topic, "groupId="+group, "autoCommit=false")
	first.delivery()
	path := target("/socket/out", topic, []string{"groupId=" + group, "autoCommit=false"})
	failsThenPasses(t, p, path, contract.KindLimitReached, func() *proxy {
		first.close()
		return p
	})
}
