package session

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func producer(client string) Request {
	return Request{Kind: Producer, Client: proxy.ClientID(client), Instance: "1", Topic: "t"}
}

// TestAReplicaThatCannotWriteYields has a replica whose writes fail for long. It notices that others have its
// clients' identities, and ends its other producers after two leases.
func TestAReplicaThatCannotWriteYields(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
		t.Helper()
		one, two, three := newConnection(true), newConnection(true), newConnection(true)
		a.mustClaim(t, producer("one"), one)
		a.mustClaim(t, producer("two"), two)
		a.mustClaim(t, consumer("three", nil), three)
		l.mute(a, true)
		time.Sleep(20 * time.Second)
		b.mustClaim(t, producer("one"), newConnection(true))
		time.Sleep(5 * time.Second)
		one.ends(t, proxy.CloseReplaced)
		two.stays(t)
		time.Sleep(10 * time.Second)
		two.ends(t, proxy.CloseTryAgainLater)
		three.stays(t) // Kafka knows it
		l.mute(a, false)
		time.Sleep(10 * time.Second)
		if n := len(b.List()); n != 2 {
			t.Errorf("there are %d sessions, want those of one and three", n)
		}
	})
}

func TestAReplicaThatCannotReadEndsItsProducers(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, _ *Sessions) {
		t.Helper()
		one, two := newConnection(true), newConnection(true)
		a.mustClaim(t, producer("one"), one)
		a.mustClaim(t, consumer("two", nil), two)
		l.hold(a)
		time.Sleep(25 * time.Second)
		one.stays(t)
		time.Sleep(10 * time.Second)
		one.ends(t, proxy.CloseTryAgainLater)
		two.stays(t)
		l.unhold(a)
	})
}

// TestNobodyIsCutOffInAnOutage has no replica read or write.
func TestNobodyIsCutOffInAnOutage(t *testing.T) {
	virtually(t, func(t *testing.T, l *topic, a, _ *Sessions) {
		t.Helper()
		one := newConnection(true)
		a.mustClaim(t, producer("one"), one)
		l.outage(true)
		time.Sleep(5 * time.Minute)
		l.outage(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		one.stays(t)
	})
}
