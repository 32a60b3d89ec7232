package consume

import (
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
)

func TestPositionBeyondTheEndStartsAnew(t *testing.T) {
	for _, test := range []struct {
		reset  OffsetReset
		starts string
		fresh  string
	}{
		{ResetEarliest, "map[0:0 1:1 2:0]", "[0]"},
		{ResetLatest, "map[0:3 1:1 2:0]", "[0 2]"},
	} {
		t.Run(string(test.reset), func(t *testing.T) {
			broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
			write(t, broker, 0, "a", "b", "c")
			write(t, broker, 1, "x")
			commitAs(t, broker, 0, 1000)
			commitAs(t, broker, 1, 1) // the end of its log
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
			if fresh := fmt.Sprint(o.Fresh()); fresh != test.fresh {
				t.Errorf("%s are to be committed, want %s", fresh, test.fresh)
			}
		})
	}
}

func deleteBefore(t *testing.T, broker *kfake.Cluster, partition int32, offset int64) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", partition, offset, -1)
	if _, err := adm.DeleteRecords(kafkatest.Deadline(t), offsets); err != nil {
		t.Fatal(err)
	}
}

// TestPositionBelowTheStartStartsAnew disconnects a client before its first record, after retention has
// passed the group's position: the client must not miss records that are written while it is
// disconnected.
func TestPositionBelowTheStartStartsAnew(t *testing.T) {
	for _, test := range []struct {
		reset OffsetReset
		start int64
	}{{ResetEarliest, 5}, {ResetLatest, 10}} {
		t.Run(string(test.reset), func(t *testing.T) {
			broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
			write(t, broker, 0, "0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
			for partition, offset := range []int64{2, 0, 0} {
				commitAs(t, broker, int32(partition), offset)
			}
			deleteBefore(t, broker, 0, 5)
			consumer := consume(t, broker, test.reset, o)
			kafkatest.Await(t, "an assignment", func() bool { return len(o.Starts()) == 3 })
			if got := o.Starts()[0]; got != test.start || !slices.Equal(o.Fresh(), []int32{0}) {
				t.Errorf("starts at %d, and %v are to be committed", got, o.Fresh())
			}
			commitStarts(t, consumer, o)
			consumer.Close(kafkatest.Deadline(t), false)
			write(t, broker, 0, "while away")
			want := fmt.Sprintf("0/%d=", test.start)
			if got := poll(t, consume(t, broker, test.reset, &kafkatest.Owner{}), 1)[0]; got[:len(want)] != want {
				t.Errorf("continues with %s, want %s", got, want)
			}
		})
	}
}

// TestOnlyAssignedPartitionsAreLookedUp uses a group whose members have one partition each.
func TestOnlyAssignedPartitionsAreLookedUp(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	consumer := &Consumer{options: Options{Topic: topicOf(t, clustertest.Connect(t, broker), "t")}}
	consumer.client = consume(t, broker, ResetEarliest, &kafkatest.Owner{}).client
	write(t, broker, 1, "a", "b")
	asked := make(chan int32, 100)
	broker.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		request, _ := r.(*kmsg.ListOffsetsRequest)
		for _, p := range request.Topics[0].Partitions {
			asked <- p.Partition
		}
		return nil, nil, false
	})
	got := consumer.logRanges(kafkatest.Deadline(t), []int32{1})
	if len(got) != 1 || got[1] != (logRange{start: 0, end: 2, last: 2}) {
		t.Errorf("got %v", got)
	}
	for range len(asked) {
		if p := <-asked; p != 1 {
			t.Errorf("asked for partition %d", p)
		}
	}
	if got := consumer.logRanges(kafkatest.Deadline(t), []int32{7}); got[7].err == nil {
		t.Errorf("a partition that does not exist is %v", got)
	}
}
