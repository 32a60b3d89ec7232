package consume

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestGoesBackWithATruncatedLog(t *testing.T) {
	broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
	write(t, broker, 0, "a", "b", "c")
	consumer := consume(t, broker, ResetEarliest, o)
	poll(t, consumer, 3)
	for name, test := range map[string]struct {
		lost kgo.ErrDataLoss
		want int64
	}{
		"truncated":               {kgo.ErrDataLoss{ConsumedTo: 9, ConsumedToEpoch: 0, ResetTo: 2}, 2},
		"of no known epoch":       {kgo.ErrDataLoss{ConsumedTo: 9, ConsumedToEpoch: -1, ResetTo: 2}, 2},
		"intact":                  {kgo.ErrDataLoss{ConsumedTo: 3, ConsumedToEpoch: 0, ResetTo: 2}, 0},
		"intact, no known epoch":  {kgo.ErrDataLoss{ConsumedTo: 3, ConsumedToEpoch: -1, ResetTo: 2}, 0},
		"retention has passed it": {kgo.ErrDataLoss{ConsumedTo: 9, ConsumedToEpoch: 0, ResetTo: 12}, 0},
		"of somebody else":        {kgo.ErrDataLoss{Partition: 7, ConsumedTo: 9, ConsumedToEpoch: -1, ResetTo: 2}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o.Assigned(map[int32]proxy.Start{0: {}})
			test.lost.Topic = "t"
			partition := kgo.FetchPartition{Partition: test.lost.Partition, Err: &test.lost}
			fetches := kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: "t", Partitions: []kgo.FetchPartition{partition}}}}}
			if err := consumer.inspect(kafkatest.Deadline(t), fetches); err != nil {
				t.Errorf("reading ends: %v", err)
			}
			if got := o.Starts()[0]; got != test.want {
				t.Errorf("starts at %d, want %d", got, test.want)
			}
		})
	}
}
