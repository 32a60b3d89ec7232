package share

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestFranzGoAcceptsWhatWasNotSettled shows why this package makes the requests itself. When it fails, franz-go's share consumer
// may do.
func TestFranzGoAcceptsWhatWasNotSettled(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	r.write(0, "a")
	r.setGroup(beginConfig, "earliest")
	consumer, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...), kgo.ShareGroup(string(r.group)), kgo.ConsumeTopics(r.topic))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	if got := consumer.PollFetches(kafkatest.Deadline(t)).NumRecords(); got != 1 {
		t.Fatalf("got %d records", got)
	}
	ctx, cancel := contextOf(t, 50)
	defer cancel()
	consumer.PollFetches(ctx)
	r.awaitNoLag()
}
