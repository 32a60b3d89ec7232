package share

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestARecordThatComesAfterItsPartitionWasTakenAwayIsToldByItsID has the member lose a partition while a fetch is under way.
func TestARecordThatComesAfterItsPartitionWasTakenAwayIsToldByItsID(t *testing.T) {
	l, now := newLedger(blind{}, nil), time.Now()
	w := newWorker(1, nil, func(*Worker) {})
	id := partitionID{[16]byte{1}, 3}
	l.add(w, id.topic, "foo")
	s := newSource(1, func() {})
	l.lead(map[partitionID]string{id: "foo"}, map[partitionID]lead{id: {s, 0}})
	l.lead(nil, nil)
	l.mu.Lock()
	l.deal(l.partition(id, s), []acquired{{offset: 7, count: 1, record: &proxy.Record{Partition: 3, Offset: 7, Timestamp: 9}}}, now.Add(time.Second), now)
	l.mu.Unlock()
	if e, err := takeAndDeliver(t.Context(), w); err != nil || len(e.Deliveries) != 1 {
		t.Fatalf("got %v, %v", e.Deliveries, err)
	}
	l.expire(now.Add(time.Second))
	want := proxy.Position{Topic: "foo", Partition: 3, Offset: 7, Timestamp: 9}
	if e, err := w.Take(t.Context()); err != nil || len(e.Expired) != 1 || e.Expired[0] != want {
		t.Errorf("%v has expired, %v, want %v", e.Expired, err, want)
	}
}
