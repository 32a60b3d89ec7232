package share

import (
	"container/heap"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// shortLock is the duration of the locks of eachShortLock.
const shortLock = 3 * time.Second

// eachShortLock runs a test where locks are short.
func eachShortLock(t *testing.T, test func(*rig)) {
	t.Helper()
	t.Run("kfake", func(t *testing.T) {
		test(fakeRig(t, 1, kfake.BrokerConfigs(map[string]string{
			"group.share.record.lock.duration.ms": "3000", "share.record.lock.sweep.interval.ms": "50",
		})))
	})
	t.Run("Kafka", func(t *testing.T) {
		r := newRig(t, kafka.Require(t).Addr())
		r.setGroup("share.record.lock.duration.ms", "3000")
		test(r)
	})
}

func TestALockThatEndsIsToldAndTheRecordGoesToAnother(t *testing.T) {
	eachShortLock(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		p := r.pod()
		slow := p.open(1)
		slow.wants("a")
		if until, atMost := slow.got[0].Until, time.Now().Add(shortLock).UnixMilli(); until > atMost {
			r.Errorf("the lock ends at %d, and at Kafka at %d at the latest", until, atMost)
		}
		slow.until("the expiry", func() bool { return len(slow.expired) > 0 })
		if now, until := time.Now().UnixMilli(), slow.got[0].Until; now < until {
			r.Errorf("the expiry of %d was told at %d", until, now)
		}
		if slow.expired[0] != slow.position(0) {
			r.Errorf("expired is %v, want %v", slow.expired[0], slow.position(0))
		}
		late := slow.settle(proxy.Accept, slow.position(0))
		slow.results(late, proxy.SettleExpired)
		slow.worker.Close(kafkatest.Deadline(r))
		other := p.open(1)
		other.wants("a")
		if other.got[0].Count < 2 {
			r.Errorf("the count is %d", other.got[0].Count)
		}
		other.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

func TestRenewedRecordsStay(t *testing.T) {
	eachShortLock(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		h := r.pod().open(1)
		h.wants("a")
		until := h.got[0].Until
		for end := time.Now().Add(2 * shortLock); time.Now().Before(end); {
			renewed := h.settle(proxy.Renew, h.position(0))
			h.results(renewed, proxy.SettleRenewed)
			if renewed.Until < until {
				r.Errorf("the lock ends at %d after a renewal, %d before", renewed.Until, until)
			}
			until = renewed.Until
			kafkatest.Await(r, "time to pass", func() bool { return time.Now().UnixMilli() > until-shortLock.Milliseconds()/2 })
		}
		h.settles(proxy.Accept)
		if len(h.expired) > 0 {
			r.Errorf("%v expired", h.expired)
		}
		r.awaitNoLag()
	})
}

func TestARecordIsAcceptedRightBehindItsRenewal(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a")
		h := r.pod().open(1)
		h.wants("a")
		ctx := kafkatest.Deadline(r)
		if err := h.worker.Renew(ctx, h.positions()); err != nil {
			r.Fatal(err)
		}
		if err := h.worker.Settle(ctx, proxy.Accept, h.positions()); err != nil {
			r.Fatal(err)
		}
		h.until("both settlements", func() bool { return len(h.settled) == 2 })
		h.results(h.settled[0], proxy.SettleRenewed)
		h.results(h.settled[1], proxy.SettleDone)
		r.awaitNoLag()
	})
}

// TestARecordThatKafkaHasTakenBackSpoilsNoOther has the ledger be late: it does not know that a lock has ended. Kafka refuses all that a
// request tells about the partition then.
func TestARecordThatKafkaHasTakenBackSpoilsNoOther(t *testing.T) {
	eachShortLock(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a", "b", "c", "d", "e")
		h := r.pod().open(5)
		h.wants("a", "b", "c", "d", "e")
		lost := slices.IndexFunc(h.got, func(d proxy.Delivery) bool { return string(d.Value) == "c" })
		others := slices.Delete(h.positions(), lost, lost+1)
		l := h.worker.ledger
		l.mu.Lock()
		c := h.worker.holdAt(h.position(lost))
		until := c.until
		l.unwatch(c)
		c.until = until.Add(time.Hour)
		heap.Push(&l.expiries, c)
		l.mu.Unlock()
		kafkatest.Await(r, "half of the locks to pass", func() bool { return time.Until(until) < shortLock/2 })
		h.results(h.settle(proxy.Renew, others...), proxy.SettleRenewed)
		kafkatest.Await(r, "the lock to end", func() bool { return time.Until(until) < -shortLock/6 })
		for _, result := range h.settle(proxy.Accept, h.positions()...).Results {
			want := proxy.SettleDone
			if result.Position == h.position(lost) {
				want = proxy.SettleExpired
			}
			if result.Result != want {
				r.Errorf("%s: got %d, want %d", result.Position, result.Result, want)
			}
		}
	})
}
