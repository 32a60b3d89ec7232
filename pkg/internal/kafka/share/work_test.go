package share

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestRecordsAreDeliveredAndAccepted(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 3)
		r.write(0, "a", "b")
		r.write(1, "c")
		h := r.pod().open(10)
		h.wants("a", "b", "c")
		for i := range h.got {
			if h.got[i].Count != 1 || h.got[i].Until <= h.got[i].Timestamp {
				r.Errorf("record %q: count %d, until %d, written %d", h.got[i].Value, h.got[i].Count, h.got[i].Until, h.got[i].Timestamp)
			}
		}
		h.settles(proxy.Accept)
		r.write(2, "d")
		h.wants("d")
		h.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

func TestReleasedRecordsGoToAnotherWorker(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		one, other := r.pod().open(1), r.pod()
		one.wants("a")
		second := other.open(1)
		if err := one.worker.Settle(kafkatest.Deadline(r), proxy.Release, one.positions()); err != nil {
			r.Fatal(err)
		}
		one.worker.Close(kafkatest.Deadline(r))
		second.wants("a")
		if second.got[0].Count != 2 {
			r.Errorf("the count is %d, want 2", second.got[0].Count)
		}
		second.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

func TestRejectedRecordsComeNeverAgain(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "poison", "good")
		h := r.pod().open(1)
		h.wants("poison")
		h.settles(proxy.Reject)
		h.wants("good")
		h.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

func TestAWorkerThatLeavesGivesBackWhatItHolds(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a", "b", "c")
		p := r.pod()
		one := p.open(3)
		one.wants("a", "b", "c")
		other := p.open(3)
		one.worker.Close(kafkatest.Deadline(r))
		other.wants("a", "b", "c")
		other.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

// TestAWorkerThatFinishesIsGivenNothingMore has one that holds a record finish while another one waits to be taken. The rest goes to
// others, and what it holds it may still settle.
func TestAWorkerThatFinishesIsGivenNothingMore(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		p := r.pod()
		h := p.open(3)
		h.write(0, "a")
		h.wants("a")
		h.write(0, "b")
		kafkatest.Await(r, "a record to wait", func() bool { return h.worker.Held() == 2 })
		h.worker.Finish()
		h.write(0, "c")
		other := p.open(3)
		other.wants("b", "c")
		h.settles(proxy.Accept)
		other.settles(proxy.Accept)
		if h.worker.Held() > 0 || len(h.got) > 0 {
			t.Errorf("it holds %d, and has got %q", h.worker.Held(), values(h.got))
		}
		r.awaitNoLag()
	})
}
