package share

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAcknowledgementsHardlyWaitForTheFetchUnderWay has a queue without further records, and brokers that may wait for them for long.
func TestAcknowledgementsHardlyWaitForTheFetchUnderWay(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		p := r.pod()
		p.groups.busyWait = kafkatest.Patience / 2
		h := p.open(2)
		for range 3 {
			h.write(0, "a")
			h.wants("a")
			began := time.Now()
			h.settles(proxy.Accept)
			if took := time.Since(began); took > p.groups.busyWait/2 {
				r.Errorf("the result came after %v", took)
			}
		}
	})
}

// TestAnIdleQueueClosesAtOnce has a fetch under way that brokers may answer much later. A record that comes then is lost by nobody.
func TestAnIdleQueueClosesAtOnce(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		p := r.pod()
		p.groups.busyWait, p.groups.idleWait = kafkatest.Patience/2, kafkatest.Patience/2
		h := p.open(2)
		h.write(0, "a")
		h.wants("a")
		h.settles(proxy.Accept)
		asked := h.session().asked.Load() // the acknowledgement, or the fetch behind it
		kafkatest.Await(r, "a fetch", func() bool { return h.session().source.isBusy(h.worker.ledger) && h.session().asked.Load() >= asked })
		began := time.Now()
		p.groups.Close(kafkatest.Deadline(r))
		if took := time.Since(began); took > p.groups.idleWait/2 {
			r.Errorf("it took %v", took)
		}
		r.write(0, "b")
		other := r.pod().open(2)
		began = time.Now()
		other.wants("b")
		if took := time.Since(began); took > kafkatest.Patience/2 {
			r.Errorf("a record came after %v", took)
		}
		other.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

// isBusy tells whether a fetch is under way.
func (s *source) isBusy(l *ledger) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.busy
}

// TestAnIdleQueueLeavesWorkersNearlyAllOfALock has brokers that may wait for records for much longer than locks last. The requests
// come often all the same: a lock counts from the request that has waited for the record.
func TestAnIdleQueueLeavesWorkersNearlyAllOfALock(t *testing.T) {
	eachShortLock(t, func(r *rig) {
		r.create(r.topic, 1)
		p := r.pod()
		p.groups.idleWait = kafkatest.Patience
		h := p.open(1)
		h.write(0, "a")
		h.wants("a")
		h.settles(proxy.Accept)
		s := h.session()
		asked := s.asked.Load()
		kafkatest.Await(r, "many short waits", func() bool { return s.asked.Load() >= asked+10 }) // 25 s in all otherwise
		h.write(0, "b")
		h.wants("b")
		h.settles(proxy.Accept)
	})
}
