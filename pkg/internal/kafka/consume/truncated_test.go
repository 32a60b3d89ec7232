package consume

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestPositionBeyondTheEndStartsAnew(t *testing.T) {
	for _, test := range []struct {
		reset  OffsetReset
		starts string
	}{
		{ResetEarliest, "map[0:0 1:1 2:0]"},
		{ResetLatest, "map[0:3 1:1 2:0]"},
	} {
		t.Run(string(test.reset), func(t *testing.T) {
			broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
			write(t, broker, 0, "a", "b", "c")
			write(t, broker, 1, "x")
			commitAs(t, broker, 0, 1000)
			commitAs(t, broker, 1, 1) // its end
			consumer := consume(t, broker, test.reset, o)
			kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) == 3 })
			write(t, broker, 0, "d")
			want := "[0/3=d]"
			if test.reset == ResetEarliest {
				want = "[0/0=a 0/1=b 0/2=c 0/3=d]"
			}
			if got := fmt.Sprint(poll(t, consumer, len(want)/len(" 0/0=a"))); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if starts := fmt.Sprint(o.Starts()); starts != test.starts {
				t.Errorf("starts at %s, want %s", starts, test.starts)
			}
		})
	}
}

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
			if err := consumer.fatal(kafkatest.Deadline(t), fetches); err != nil {
				t.Errorf("reading ends: %v", err)
			}
			if got := o.Starts()[0]; got != test.want {
				t.Errorf("starts at %d, want %d", got, test.want)
			}
		})
	}
}
