package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestQueueIDsAreUnknownBeforeTheirRecordsAreSent guesses the id of the next record.
func TestQueueIDsAreUnknownBeforeTheirRecordsAreSent(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		at := time.UnixMilli(time.Now().UnixMilli())
		k.produce(t, topic, &kgo.Record{Value: []byte("0"), Timestamp: at}, &kgo.Record{Value: []byte("1"), Timestamp: at})
		w := k.run(t).worker(t, topic, group, "window=1", "confirm=true")
		held := w.record()
		next := fmt.Sprintf("%s-0-1-%d", topic, at.UnixMilli())
		for _, verb := range []string{"accept", "release", "reject"} {
			w.send(acknowledgement(verb, next))
			w.fails("UNKNOWN_MESSAGE_ID", next)
			w.wantFrame(settledIDs())
		}
		w.send(acknowledgement("accept", next, held.ID))
		w.fails("UNKNOWN_MESSAGE_ID", next)
		w.wantFrame(settledIDs(held.ID))
		if got := w.record(); got.ID != next || got.Delivery.Count != 1 {
			t.Fatalf("got %s, want %s", got.text, next)
		}
		w.send(acknowledgement("accept", next))
		w.wantFrame(settledIDs(next))
		k.awaitSettled(t, group, topic)
	})
}

// TestQueueAcknowledgementsWhileKafkaIsAway has the connections to Kafka cut with records in hand. None of the acknowledgements is told to
// be settled, and the records come again.
func TestQueueAcknowledgementsWhileKafkaIsAway(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 2, 1, 0)...)
		p := k.start(t)
		w := p.worker(t, topic, group, "confirm=true")
		held := w.records(2)
		p.kafka.shut(false)
		w.send(acknowledgement("accept", held["0"]))
		lost := make(map[string]bool)
		for told := false; !told || len(lost) < 2; {
			switch f := w.frame(); {
			case f.Error != nil && (f.Error.Code == "COMMIT_FAILED" || f.Error.Code == "LOCK_EXPIRED"):
				lost[f.ID] = true
			case f.Expired != nil:
				for _, id := range f.Expired {
					lost[id] = true
				}
			case f.Settled != nil && len(*f.Settled) == 0:
				told = true
			default:
				t.Fatalf("got %s", f.text)
			}
		}
		p.kafka.unlock()
		for value, id := range w.records(2) {
			if id != held[value] {
				t.Errorf("got %s, want %s", id, held[value])
			}
			w.send(acknowledgement("accept", id))
			w.wantFrame(settledIDs(id))
		}
		k.awaitSettled(t, group, topic)
	})
}

// TestQueueOfATopicThatIsMadeAgain has records in hand of a topic that is deleted and made again: they are nobody's anymore.
func TestQueueOfATopicThatIsMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		at := time.UnixMilli(time.Now().UnixMilli())
		record := func() *kgo.Record { return &kgo.Record{Value: []byte("0"), Timestamp: at} }
		k.produce(t, topic, record())
		p := k.run(t)
		w := p.worker(t, topic, group, "confirm=true")
		held := w.record()
		k.delete(t, topic)
		eventually(t, "the topic to be made again", func() bool {
			_, err := k.admin.CreateTopic(t.Context(), 1, 1, nil, topic)
			return err == nil
		})
		w.send(acknowledgement("accept", held.ID))
		if code := w.end(); code != 4404 && code != 1012 { // deleted, or made again by the time that it is seen
			t.Errorf("closed with %d: %v", code, w.over)
		}
		k.client.PurgeTopicsFromProducing(topic)
		k.produce(t, topic, record()) // of the same id
		var again *worker
		eventually(t, "the new topic to be open", func() bool {
			if got := p.upgrade(t, queuePath(topic, group)); got.status != 101 {
				return false
			}
			again = p.worker(t, topic, group, "confirm=true")
			return true
		})
		if got := again.record(); got.ID != held.ID || got.Delivery.Count > 2 { // the handshake's worker may have had it
			t.Fatalf("got %s", got.text)
		}
		again.send(acknowledgement("accept", held.ID))
		again.wantFrame(settledIDs(held.ID))
		k.awaitSettled(t, group, topic)
	})
}
