package e2e

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestQueueDealsEachRecordToOneWorker(t *testing.T) {
	const count = 40
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 2), k.group()
		p := k.run(t)
		k.produce(t, topic, numbered(0, count, 2, 0)...)
		one, other := p.worker(t, topic, group, "window=3"), p.worker(t, topic, group, "window=5")
		seen := make(map[string]int)
		began := time.Now()
		for len(seen) < count {
			for _, w := range []*worker{one, other} {
				select {
				case message, ok := <-w.came:
					if !ok {
						t.Fatal(w.over)
					}
					f := parse[queueFrame](t, message)
					if f.Delivery == nil || f.Delivery.Count != 1 || f.Delivery.Until < began.UnixMilli() {
						t.Fatalf("got %s", message)
					}
					seen[text(t, f)]++
					w.send(acknowledgement("accept", f.ID))
				default:
				}
			}
			if time.Since(began) > patience {
				t.Fatalf("only %d came", len(seen))
			}
		}
		k.awaitSettled(t, group, topic)
		for value, n := range seen {
			if n != 1 {
				t.Errorf("%s came %d times", value, n)
			}
		}
	})
}

func TestQueueReleasesWhatAnEndedWorkerHolds(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.run(t)
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		first := p.worker(t, topic, group)
		held := first.records(3)
		first.send(acknowledgement("accept", held["0"]))
		first.close()
		second := p.worker(t, topic, group)
		again := second.records(2)
		if again["1"] != held["1"] || again["2"] != held["2"] {
			t.Errorf("got %v, want two of %v", again, held)
		}
		second.send(acknowledgement("accept", again["1"], again["2"]))
		k.awaitSettled(t, group, topic)
	})
}

func TestQueueParametersOfRecords(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		long := &kgo.Record{Key: []byte("k"), Value: []byte("\x00\x20\x00\x00\x00\x00\x00\x01"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
		k.produce(t, topic, long, &kgo.Record{Value: make([]byte, 5000)}, &kgo.Record{})
		w := k.run(t).worker(t, topic, k.group(), "valType=long", "keyType=bytearray", "longs=string", "maxMessageBytes=1024", "window=1")
		f := w.record()
		if string(f.Value.Value) != `"9007199254740993"` || f.Key.Format != "bytearray" || len(f.Headers) != 1 {
			t.Errorf("got %s", f.text)
		}
		w.send(acknowledgement("accept", f.ID))
		if f = w.record(); f.Value.Error == nil || f.Value.Error.Code != "MESSAGE_TOO_LARGE" || f.Value.Error.Bytes != 5000 {
			t.Errorf("got %s", f.text)
		}
		w.send(acknowledgement("accept", f.ID))
		if f = w.record(); string(f.Value.Value) != "null" {
			t.Errorf("got %s", f.text)
		}
	})
}

func TestQueueRate(t *testing.T) {
	const rate, count = 10, 11
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		p := k.start(t)
		w := p.worker(t, topic, k.group(), "rate=10")
		w.record()
		began := time.Now()
		w.records(count - 1)
		if took, least := time.Since(began), (count-2)*time.Second/rate; took < least {
			t.Errorf("%d records came in %v, want %v or more", count-1, took, least)
		}
		if got := p.metric(t, `wsproxy_throttled_seconds_total{direction="queue"}`); got < 0.5 || got > 10 {
			t.Errorf("%v seconds were counted as throttled", got)
		}
	})
}

// TestQueueBeginsWhereItsFirstWorkerSays has groups that do not exist yet, and then do.
func TestQueueBeginsWhereItsFirstWorkerSays(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, fromEnd := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 2, 1, 0)...)
		p := k.run(t)
		late := p.worker(t, topic, fromEnd, "offsetResetStrategy=latest")
		early := p.worker(t, topic, k.group())
		early.records(2)
		probe := numbered(2, 1, 1, 0)
		var got queueFrame
		eventually(t, "a record that is written behind the group's begin comes", func() bool { // Kafka fixes it some time after the join
			k.produce(t, topic, probe...)
			message, ok := late.message(time.Second / 5)
			if ok {
				got = parse[queueFrame](t, message)
			}
			return ok
		})
		if text(t, got) != "2" {
			t.Errorf("it began with %q", text(t, got))
		}
		late.send(acknowledgement("release", got.ID))
		late.close()
		again := p.worker(t, topic, fromEnd, "offsetResetStrategy=earliest")
		if f := again.record(); text(t, f) != "2" {
			t.Errorf("it began anew with %q", text(t, f))
		}
	})
}
