package share

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestARecordIsHeldFromItsDeliveryOn has a record come again to the worker that has lost it. A late acknowledgement on the first
// delivery says nothing about the second one before that is sent, and what is not sent before the end goes to others.
func TestARecordIsHeldFromItsDeliveryOn(t *testing.T) {
	l, now := newLedger(blind{}, nil), time.Now()
	w := newWorker(2, nil, func(*Worker) {})
	id := partitionID{[16]byte{1}, 0}
	l.add(w, id.topic, "foo")
	s := newSource(1, func() {})
	l.lead(map[partitionID]string{id: "foo"}, map[partitionID]lead{id: {s, 0}})
	position := proxy.Position{Topic: "foo", Offset: 7, Timestamp: 9}
	deal := func(lock time.Duration) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.deal(l.partition(id, s), []acquired{{offset: 7, count: 1, record: &proxy.Record{Offset: 7, Timestamp: 9}}}, now.Add(lock), now)
	}
	take := func(what string) proxy.QueueEvent {
		t.Helper()
		e, ok, err := w.next()
		if err != nil || !ok {
			t.Fatalf("%s does not come: %v", what, err)
		}
		return e
	}
	wantExpired := func(when string) {
		t.Helper()
		if done, err := w.settle(proxy.Accept, []proxy.Position{position}, now); err != nil || !done {
			t.Fatalf("settling: %v, %v", done, err)
		}
		if e := take("a result"); e.Settlement == nil || e.Settlement.Results[0].Result != proxy.SettleExpired {
			t.Errorf("%s the result is %+v", when, e.Settlement)
		}
	}
	deal(time.Second)
	take("the record")
	if !w.Deliver() {
		t.Fatal("the record is not delivered")
	}
	l.expire(now.Add(time.Second))
	take("the end of the lock")
	wantExpired("after the end of the lock")

	deal(2 * time.Second)
	take("the record, again")
	wantExpired("before the second delivery")
	l.expire(now.Add(2 * time.Second))
	if w.Deliver() {
		t.Error("a record is delivered whose lock has ended")
	}
	if _, ok, _ := w.next(); ok {
		t.Error("the worker is told of a lock of which it never knew")
	}

	deal(3 * time.Second)
	take("the record, a third time")
	w.Finish()
	if w.Deliver() || w.Held() > 0 {
		t.Errorf("the worker holds %d after it was finished", w.Held())
	}
}
