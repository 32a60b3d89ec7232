package consume

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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
		"before the log's start":  {kgo.ErrDataLoss{ConsumedTo: 9, ConsumedToEpoch: -1, ResetTo: -1}, 0},
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

// TestAPositionThatIsRefusedSkipsNothing lets a broker refuse a reader's position although its log
// continues there: a new leader that does not know the leader epoch of the last record does the same.
func TestAPositionThatIsRefusedSkipsNothing(t *testing.T) {
	for name, reset := range map[string]OffsetReset{"earliest": ResetEarliest, "latest": ResetLatest} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			write(t, broker, 0, "a")
			time.Sleep(2 * time.Millisecond) // franz-go repeats records of the same millisecond together
			write(t, broker, 0, "b")
			commitAs(t, broker, 0, 0)
			consumer := consume(t, broker, reset, &kafkatest.Owner{})
			poll(t, consumer, 2)
			refuseAPosition(t, broker, func() { write(t, broker, 0, "c", "d") })
			if got := poll(t, consumer, 3); !slices.Equal(got, []string{"0/1=b", "0/2=c", "0/3=d"}) {
				t.Errorf("the next records are %q", got)
			}
		})
	}
}

// refuseAPosition answers one fetch with OFFSET_OUT_OF_RANGE, after it has called the given function.
func refuseAPosition(t *testing.T, broker *kfake.Cluster, before func()) {
	t.Helper()
	refused := make(chan struct{})
	broker.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request, ok := r.(*kmsg.FetchRequest)
		if !ok || len(request.Topics) == 0 {
			broker.KeepControl()
			return nil, nil, false
		}
		broker.SleepControl(before)
		close(refused)
		return refuseAll(request, kerr.OffsetOutOfRange), nil, true
	})
	select {
	case <-refused:
	case <-kafkatest.Deadline(t).Done():
		t.Fatal("nothing is fetched")
	}
}
