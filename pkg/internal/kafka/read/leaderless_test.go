package read

import (
	"context"
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

// TestAPartitionWithoutALeaderIsReadFromATime asks for places while one partition has no leader, and reads from there.
func TestAPartitionWithoutALeaderIsReadFromATime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ask   func(ctx context.Context, s *Source, since int64) (proxy.Places, error)
		place func(begun, since int64, place proxy.Place, has bool) bool
		want  []string // of the partition
	}{
		"the ends": {
			func(ctx context.Context, s *Source, _ int64) (proxy.Places, error) { return s.Ends(ctx) },
			isOfNow,
			[]string{"1/2=c"},
		},
		"the last two": { // of which Kafka cannot tell where they are
			func(ctx context.Context, s *Source, _ int64) (proxy.Places, error) { return s.Last(ctx, 2) },
			isOfNow,
			[]string{"1/2=c"},
		},
		"a time": {
			func(ctx context.Context, s *Source, since int64) (proxy.Places, error) { return s.At(ctx, since) },
			func(_, since int64, place proxy.Place, _ bool) bool { return place == proxy.AtTime(since) },
			[]string{"1/1=b", "1/2=c"},
		},
		"the starts": {
			func(ctx context.Context, s *Source, _ int64) (proxy.Places, error) { return s.Starts(ctx) },
			func(_, _ int64, place proxy.Place, _ bool) bool { return place == proxy.AtTime(0) },
			[]string{"1/0=a", "1/1=b", "1/2=c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, broker := newFakeRig(t, 2)
			r.write(1, "a")
			nextMillisecond()
			since := time.Now().UnixMilli()
			r.write(1, "b")
			nextMillisecond()
			fault := broker.Fault(kfake.Fault{
				Keys:  []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetForLeaderEpoch},
				Topic: r.topic, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1,
			})
			s, begun := r.source(), time.Now().UnixMilli()
			s.heldBack = 0
			at, err := test.ask(kafkatest.Deadline(t), s, since)
			place, has := at[1]
			if err != nil || at[0].IsTime() || !test.place(begun, since, place, has) {
				t.Fatalf("the places are %v, %v", at, err)
			}
			tail := r.read(s, at)
			r.write(0, "x")
			tail.until("the other partition", func() bool { return len(tail.got) == 1 })
			fault.Remove()
			r.write(1, "c")
			tail.until("the partition", func() bool { return slices.Contains(tail.got, "1/2=c") })
			if got := tail.got[1:]; !slices.Equal(got, test.want) || len(tail.gaps) > 0 {
				t.Errorf("got %q, gaps %v", got, tail.gaps)
			}
		})
	}
}

// isOfNow tells whether a place is of a time since the test began.
func isOfNow(begun, _ int64, place proxy.Place, _ bool) bool {
	return place.IsTime() && place.Time() >= begun && place.Time() <= time.Now().UnixMilli()
}

// nextMillisecond waits until what is written has another timestamp.
func nextMillisecond() {
	for now := time.Now().UnixMilli(); now == time.Now().UnixMilli(); {
		time.Sleep(time.Millisecond)
	}
}

// TestRecordsThatProducersHeldBackAreRead has a record written to a partition that had no leader which is older than the tail.
func TestRecordsThatProducersHeldBackAreRead(t *testing.T) {
	t.Parallel()
	r, broker := newFakeRig(t, 2)
	fault := broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets}, Topic: r.topic, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1})
	s := r.source()
	at, err := s.Ends(kafkatest.Deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	fault.Remove()
	held := &kgo.Record{Topic: r.topic, Partition: 1, Value: []byte("held"), Timestamp: time.Now().Add(-heldBack + time.Minute)}
	if err := r.client.ProduceSync(kafkatest.Deadline(t), held).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.read(s, at).wants("1/0=held")
}

// TestNoLeaderAnswers is an error: Kafka may be down.
func TestNoLeaderAnswers(t *testing.T) {
	t.Parallel()
	r, broker := newFakeRig(t, 2)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: r.topic, Partitions: []int32{0, 1}, Err: kerr.LeaderNotAvailable, Count: -1})
	s := r.source()
	for name, ask := range map[string]func(context.Context) (proxy.Places, error){"ends": s.Ends, "starts": s.Starts} {
		if at, err := ask(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
			t.Errorf("%s: %v, %v", name, at, err)
		}
	}
}
