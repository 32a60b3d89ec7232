package e2e

import (
	"net/http"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestQueueLimitsOfKafkaAreTold has a broker with room for one member of a group, for one session, and for few records in flight.
func TestQueueLimitsOfKafkaAreTold(t *testing.T) {
	t.Parallel()
	k := newCluster(t, kafka.RequireOwn(t, kafka.Options{Properties: map[string]string{
		"group.share.max.size": "1", "group.share.max.share.sessions": "1",
		"group.share.partition.max.record.locks": "100", "group.share.min.partition.max.record.locks": "100",
	}}).Addr())
	t.Cleanup(k.client.Close)
	topic, group := k.topic(t, 1), k.group()
	k.produce(t, topic, numbered(0, 1, 1, 0)...)
	one, other := k.start(t), k.start(t)
	first := one.worker(t, topic, group, "confirm=true", "window=300")
	held := first.record() // the session is open
	one.worker(t, topic, group)
	got := other.upgrade(t, queuePath(topic, group))
	if got.status != http.StatusTooManyRequests || got.failure(t).Code != "LIMIT_REACHED" {
		t.Errorf("a second member: got %d %s", got.status, got.body)
	}
	second := other.worker(t, topic, k.group())
	second.refusal("OVERLOADED")
	second.wantEnd(1013)
	first.send(acknowledgement("accept", held.ID))
	first.wantFrame(settledIDs(held.ID))

	for range 4 { // what a batch has beyond the limit comes, too
		k.produce(t, topic, numbered(0, 60, 1, 0)...)
	}
	told, taken := first.frame(), 0
	for ; told.Delivery != nil; told = first.frame() {
		taken++
	}
	if taken < 90-32 || taken > 200 || told.Error == nil || told.Error.Code != "LIMIT_REACHED" { // the other worker has 32
		t.Errorf("after %d records got %s", taken, told.text)
	}
}
