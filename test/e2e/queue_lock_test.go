package e2e

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// onShortLocks runs a test on brokers of its own, whose locks last for 3 s.
func onShortLocks(t *testing.T, test func(t *testing.T, k *cluster)) {
	t.Helper()
	t.Parallel()
	own := func(t *testing.T, addr string) {
		t.Helper()
		k := newCluster(t, addr)
		t.Cleanup(k.client.Close)
		test(t, k)
	}
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.BrokerConfigs(map[string]string{
			"group.share.record.lock.duration.ms": "3000", "share.record.lock.sweep.interval.ms": "50",
		}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(fake.Close)
		own(t, fake.ListenAddrs()[0])
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		own(t, kafka.RequireOwn(t, kafka.Options{Properties: map[string]string{
			"group.share.record.lock.duration.ms": "3000", "group.share.min.record.lock.duration.ms": "1000",
		}}).Addr())
	})
}

func TestQueueLocksEnd(t *testing.T) {
	onShortLocks(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		p := k.start(t)
		slow := p.worker(t, topic, group, "confirm=true", "window=1")
		held := slow.record()
		slow.wantFrame(acknowledgement("expired", held.ID))
		if now := time.Now().UnixMilli(); now < held.Delivery.Until {
			t.Errorf("told at %d, and the lock ends at %d", now, held.Delivery.Until)
		}
		slow.send(acknowledgement("accept", held.ID)) // too late, or for the next delivery: its place is free
		late, again := false, false
		for settled := false; !settled; {
			switch f := slow.frame(); {
			case f.Delivery != nil:
				if again = true; f.ID != held.ID || f.Delivery.Count != 2 {
					t.Fatalf("got %s", f.text)
				}
				if late {
					slow.send(acknowledgement("accept", held.ID))
				}
			case f.Error != nil:
				if late = true; f.Error.Code != "LOCK_EXPIRED" || f.ID != held.ID {
					t.Fatalf("got %s", f.text)
				}
				if again { // refused just before the delivery that was written first
					slow.send(acknowledgement("accept", held.ID))
				}
			case f.Settled == nil || len(*f.Settled) == 0 && !late || len(*f.Settled) > 0 && !again:
				t.Fatalf("got %s", f.text)
			default:
				settled = len(*f.Settled) > 0
			}
		}
		k.awaitSettled(t, group, topic)
	})
}
