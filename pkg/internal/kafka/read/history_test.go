package read

import (
	"errors"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTruncation answers that the epoch of a place ends below it.
func TestTruncation(t *testing.T) {
	t.Parallel()
	r, broker := newFakeRig(t, 1)
	r.write(0, "a", "b", "c")
	broker.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return endEpochAt(request, 1), nil, true
	})
	s, at := r.source(), proxy.Places{0: {Offset: 3, Epoch: 0}}
	want := proxy.Gap{Partition: 0, From: 1, To: 3, Reason: proxy.GapTruncated, Then: proxy.Place{Offset: 1}}
	checked, err := s.Check(kafkatest.Deadline(t), at)
	if err != nil || len(checked.Gaps) != 1 || checked.Gaps[0] != want || checked.Next[0] != want.Then {
		t.Errorf("checked %v, %v", checked, err)
	}
	tail := r.read(s, at)
	tail.wants("0/1=b", "0/2=c")
	if len(tail.gaps) != 1 || tail.gaps[0] != want {
		t.Errorf("gaps %v", tail.gaps)
	}
}

// endEpochAt answers that epochs end at an offset.
func endEpochAt(request kmsg.Request, offset int64) kmsg.Response {
	asked, _ := request.(*kmsg.OffsetForLeaderEpochRequest)
	answer, _ := asked.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, of := range asked.Topics {
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = of.Topic
		for _, p := range of.Partitions {
			partition := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			partition.Partition, partition.LeaderEpoch, partition.EndOffset = p.Partition, p.LeaderEpoch, offset
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

// TestALossWhileReading has franz-go find that the log was truncated, after a move of the leader or a fetch that was
// refused. It would go back by itself: the reader ends, and the next one tells the gap.
func TestALossWhileReading(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]*kerr.Error{"fenced": kerr.FencedLeaderEpoch, "out of range": kerr.OffsetOutOfRange} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, broker := newFakeRig(t, 1)
			r.write(0, "a", "b", "c")
			s := r.source()
			tail := r.read(s, proxy.Places{})
			tail.wants("0/0=a", "0/1=b", "0/2=c")
			broker.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(request kmsg.Request) (kmsg.Response, error, bool) {
				broker.KeepControl()
				return endEpochAt(request, 1), nil, true
			})
			broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: r.topic, Err: refusal})
			if err := tail.ends(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
				t.Errorf("reading ends with %v", err)
			}
			if len(tail.got) != 3 {
				t.Errorf("got %q", tail.got)
			}
			again := r.read(s, tail.at)
			again.wants("0/1=b", "0/2=c")
			if len(again.gaps) != 1 || again.gaps[0].Reason != proxy.GapTruncated {
				t.Errorf("gaps %v", again.gaps)
			}
		})
	}
}

// TestFranzGoGoesBackByItself shows why what franz-go reports as lost ends a reader.
func TestFranzGoGoesBackByItself(t *testing.T) {
	t.Parallel()
	r, broker := newFakeRig(t, 1)
	r.write(0, "a", "b", "c")
	tail := r.read(r.source(), proxy.Places{})
	tail.wants("0/0=a", "0/1=b", "0/2=c")
	broker.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		return endEpochAt(request, 1), nil, true
	})
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: r.topic, Err: kerr.FencedLeaderEpoch})
	var offsets []int64
	var losses []*kgo.ErrDataLoss
	for len(offsets) < 2 {
		fetches := tail.reader.client.PollFetches(kafkatest.Deadline(t))
		fetches.EachError(func(_ string, _ int32, err error) {
			if loss, is := errors.AsType[*kgo.ErrDataLoss](err); is {
				losses = append(losses, loss)
			}
		})
		fetches.EachRecord(func(record *kgo.Record) { offsets = append(offsets, record.Offset) })
	}
	if !slices.Equal(offsets, []int64{1, 2}) || len(losses) != 1 {
		t.Errorf("got the offsets %v, losses %v", offsets, losses)
	}
}

// TestRecordsOfAnotherHistory passes fetches of franz-go that do not follow those before.
func TestRecordsOfAnotherHistory(t *testing.T) {
	t.Parallel()
	topic := newSourceRig(t)
	record := func(offset int64, epoch int32) *kgo.Record { return &kgo.Record{Offset: offset, LeaderEpoch: epoch} }
	for name, test := range map[string]struct {
		id      [16]byte
		records []*kgo.Record
		wrong   bool
	}{
		"the next":            {topic.ID(), []*kgo.Record{record(5, 2), record(6, 2)}, false},
		"behind a hole":       {topic.ID(), []*kgo.Record{record(9, 2), record(20, 3)}, false},
		"without epochs":      {[16]byte{}, []*kgo.Record{record(5, -1)}, false},
		"below the place":     {topic.ID(), []*kgo.Record{record(4, 2)}, true},
		"twice":               {topic.ID(), []*kgo.Record{record(5, 2), record(5, 2)}, true},
		"of an earlier epoch": {topic.ID(), []*kgo.Record{record(5, 2), record(6, 1)}, true},
		"of another instance": {[16]byte{1}, []*kgo.Record{record(5, 2)}, true},
	} {
		r := &Reader{source: &Source{topic: topic}, next: proxy.Places{0: {Offset: 5, Epoch: 7}}, epochs: map[int32]int32{}}
		partition := kgo.FetchPartition{Records: test.records}
		_, err := r.take(kgo.Fetches{{Topics: []kgo.FetchTopic{{TopicID: test.id, Partitions: []kgo.FetchPartition{partition}}}}})
		if (err != nil) != test.wrong {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func newSourceRig(t *testing.T) *cluster.Topic {
	t.Helper()
	r, _ := newFakeRig(t, 1)
	return r.hold()
}
