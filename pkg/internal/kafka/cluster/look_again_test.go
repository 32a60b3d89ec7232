package cluster

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestLookAgainSeesWhatIsThereNow creates partitions right before each call.
func TestLookAgainSeesWhatIsThereNow(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	topic := open(t, watch(t, connect(t, broker)), "t")
	adm, _ := kafkatest.Admin(t, broker)
	for _, partitions := range []int{4, 5, 6} {
		if _, err := adm.UpdatePartitions(kafkatest.Deadline(t), partitions, "t"); err != nil {
			t.Fatal(err)
		}
		if err := topic.LookAgain(); err != nil || topic.Partitions() != int32(partitions) {
			t.Fatalf("got %d partitions and %v, want %d", topic.Partitions(), err, partitions)
		}
	}
}

// TestMessagesForPartitionsThatDoNotExistDoNotWait calls LookAgain repeatedly from one client: a stream
// that names wrong partitions is answered as fast as any other.
func TestMessagesForPartitionsThatDoNotExistDoNotWait(t *testing.T) {
	topic := open(t, watch(t, connect(t, kafkatest.Broker(t, "t"))), "t")
	begin := time.Now()
	const messages = 1000
	for range messages {
		if err := topic.LookAgain(); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took > messages*againPause/10 {
		t.Errorf("%d looks took %v", messages, took)
	}
}

// TestLookAgainIsPaced has many goroutines call LookAgain concurrently, all the time.
func TestLookAgainIsPaced(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	topics := watch(t, connect(t, broker))
	connections := make([]*Topic, 20)
	for i := range connections {
		connections[i] = open(t, topics, "t")
	}
	var asked atomic.Int64
	broker.ControlKey(int16(kmsg.Metadata), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		asked.Add(1)
		return nil, nil, false
	})
	begin := time.Now()
	var asking sync.WaitGroup
	for _, topic := range connections {
		asking.Go(func() {
			for range 3 {
				if err := topic.LookAgain(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	asking.Wait()
	allowed := int64(time.Since(begin)/againPause) + looksAtOnce
	if n := asked.Load(); n > allowed {
		t.Errorf("Kafka was asked %d times in %v", n, time.Since(begin))
	}
}

func TestLookAgainOfAClosedTopic(t *testing.T) {
	topic := open(t, watch(t, connect(t, kafkatest.Broker(t, "t"))), "t")
	topic.Close()
	if err := topic.LookAgain(); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}
