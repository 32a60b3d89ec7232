package read

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// newFakeRig returns a rig on kfake with a topic of some partitions, and the broker.
func newFakeRig(t *testing.T, partitions int32) (*rig, *kfake.Cluster) {
	t.Helper()
	broker := kafkatest.Broker(t)
	return newRig(t, partitions, broker.ListenAddrs()...), broker
}

// TestAPartitionThatFails has one partition fail in all requests, from before or from after the reader begins.
func TestAPartitionThatFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure *kerr.Error
		before  bool
	}{
		"without a leader, from before":          {kerr.LeaderNotAvailable, true},
		"not leader, from before":                {kerr.NotLeaderForPartition, true},
		"not leader, from after":                 {kerr.NotLeaderForPartition, false},
		"an epoch that is not known":             {kerr.UnknownLeaderEpoch, false},
		"an answer that franz-go does not retry": {kerr.UnknownServerError, false},
		"a disk that fails":                      {kerr.KafkaStorageError, false},
		"the topic is not known there":           {kerr.UnknownTopicOrPartition, false},
		"the id is not known there":              {kerr.UnknownTopicID, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, broker := newFakeRig(t, 2)
			r.write(1, "x")
			fail := func() *kfake.FaultHandle {
				return broker.Fault(kfake.Fault{
					Keys:  []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetForLeaderEpoch},
					Topic: r.topic, Partitions: []int32{1}, Err: test.failure, Count: -1,
				})
			}
			s := r.source()
			at, err := s.Starts(kafkatest.Deadline(t))
			if err != nil {
				t.Fatal(err)
			}
			var fault *kfake.FaultHandle
			if test.before {
				fault = fail()
			}
			tail := r.read(s, at)
			if !test.before {
				tail.wants("1/0=x")
				fault = fail()
			}
			began := time.Now()
			for i := range 3 {
				seen := len(tail.got)
				r.write(0, "a")
				tail.until("the other partition", func() bool { return len(tail.got) > seen })
				if err := fault.Wait(kafkatest.Deadline(t), i+1); err != nil {
					t.Fatal(err)
				}
			}
			if test.failure == kerr.UnknownServerError && time.Since(began) < troublePause {
				t.Errorf("%d requests within %v", fault.Hits(), time.Since(began))
			}
			fault.Remove()
			r.write(1, "y")
			tail.until("the partition", func() bool { return slices.Contains(tail.got, "1/1=y") })
			if len(tail.got) != 5 || len(tail.gaps) > 0 {
				t.Errorf("got %q, gaps %v", tail.got, tail.gaps)
			}
		})
	}
}

// TestLongASilentLeader has one of three brokers accept connections, and answer nothing.
func TestLongASilentLeader(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "seed"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	r := newRig(t, 3, broker.ListenAddrs()...)
	for p := range int32(3) {
		if err := broker.MoveTopicPartition(r.topic, p, p); err != nil {
			t.Fatal(err)
		}
		r.write(p, "a")
	}
	s := r.source()
	at, err := s.Starts(kafkatest.Deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	silent := silence(t, broker.ListenAddrs()[1])
	r.cluster = clustertest.ConnectThrough(t, silent.dial, broker.ListenAddrs()...)
	s = r.source()
	began := time.Now()
	checked, err := s.Check(kafkatest.Deadline(t), at)
	if _, is := checked.Next[1]; err != nil || is || len(checked.Next) != 2 || time.Since(began) > 3*askRounds*askTimeout {
		t.Errorf("checked %v, %v after %v", checked, err, time.Since(began))
	}
	if ends, err := s.Ends(kafkatest.Deadline(t)); err != nil || len(ends) != 3 || !ends[1].IsTime() {
		t.Errorf("the ends: %v, %v", ends, err)
	}
	tail := r.read(s, at)
	tail.until("the others", func() bool { return len(tail.got) == 2 })
	silent.off.Store(true)
	tail.until("the partition", func() bool { return slices.Contains(tail.got, "1/0=a") })
}

// silent is a network in which one address does not answer.
type silent struct {
	address, nobody string
	off             atomic.Bool
}

func silence(t *testing.T, address string) *silent {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody accepts: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return &silent{address: address, nobody: listener.Addr().String()}
}

func (s *silent) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address == s.address && !s.off.Load() {
		address = s.nobody
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// TestLeadersMove moves partitions between brokers while records are written.
func TestLeadersMove(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	r := newRig(t, 2, broker.ListenAddrs()...)
	s := r.source()
	tail := r.read(s, proxy.Places{})
	for i := range int32(10) {
		p := i % 2
		if err := broker.MoveTopicPartition(r.topic, p, i%3); err != nil {
			t.Fatal(err)
		}
		r.write(p, "a")
		tail.until("the record", func() bool { return len(tail.got) == int(i)+1 })
	}
	if len(tail.gaps) > 0 || tail.at[0].Epoch < 1 {
		t.Errorf("gaps %v at %v", tail.gaps, tail.at)
	}
	ends, err := s.Ends(kafkatest.Deadline(t))
	if err != nil || ends[0].Offset != 5 || ends[0].Epoch < tail.at[0].Epoch {
		t.Errorf("ends at %v, %v", ends, err)
	}
}

// TestAPartitionThatIsStuck has a broker answer fetches without records although the log has some.
func TestAPartitionThatIsStuck(t *testing.T) {
	t.Parallel()
	r, broker := newFakeRig(t, 2)
	r.write(0, "a")
	r.write(1, "x")
	broker.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return nothing(request), nil, true
	})
	s := r.source()
	s.lookPause = 100 * time.Millisecond
	first := r.read(s, proxy.Places{1: {Offset: 1}})
	if err := first.ends(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("reading ends with %v", err)
	}
	// A log can end in offsets without records: no reader is ended for the same place soon.
	second := r.read(s, proxy.Places{1: {Offset: 1}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := second.ends(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading ends with %v", err)
	}
}

// nothing answers a fetch without records.
func nothing(request kmsg.Request) kmsg.Response {
	asked, _ := request.(*kmsg.FetchRequest)
	answer, _ := asked.ResponseKind().(*kmsg.FetchResponse)
	answer.Version = asked.Version
	for _, of := range asked.Topics {
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = of.Topic, of.TopicID
		for _, p := range of.Partitions {
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.Partition = p.Partition
			topic.Partitions = append(topic.Partitions, partition)
		}
		answer.Topics = append(answer.Topics, topic)
	}
	return answer
}

// TestABatchThatExpandsTooFar uses zeros: a few compressed kilobytes expand beyond the limit.
func TestABatchThatExpandsTooFar(t *testing.T) {
	t.Parallel()
	r, _ := newFakeRig(t, 1)
	most := cluster.DecompressAtMost(0)
	client, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...), kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(int32(most)+1<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: r.topic, Value: make([]byte, most+1)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	err = r.read(r.source(), proxy.Places{}).ends(kafkatest.Deadline(t))
	if kafkatest.KindOf(err) != proxy.KindKafkaUnavailable || !errors.Is(err, kgo.ErrMaxDecompress) {
		t.Errorf("reading ends with %v", err)
	}
}

func TestAccessIsRevoked(t *testing.T) {
	t.Parallel()
	r, _ := newFakeRig(t, 1)
	s := r.source()
	tail := r.read(s, proxy.Places{})
	tail.until("the places", func() bool { return len(tail.at) == 1 })
	denied := make(chan error)
	go func() { denied <- tail.ends(kafkatest.Deadline(t)) }()
	kafkatest.Await(t, "the poll to wait", func() bool {
		tail.reader.mu.Lock()
		defer tail.reader.mu.Unlock()
		return !tail.reader.waiting.IsZero()
	})
	s.topic.Deny(proxy.Errorf(proxy.KindNotAuthorized, "no"))
	if err := <-denied; kafkatest.KindOf(err) != proxy.KindNotAuthorized {
		t.Errorf("reading ends with %v", err)
	}
	for name, call := range map[string]func(context.Context) error{
		"ends":  func(ctx context.Context) error { _, err := s.Ends(ctx); return err },
		"check": func(ctx context.Context) error { _, err := s.Check(ctx, proxy.Places{}); return err },
		"read":  func(ctx context.Context) error { _, err := s.Read(ctx, proxy.Places{}); return err },
	} {
		if err := call(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindNotAuthorized {
			t.Errorf("%s: %v", name, err)
		}
	}
}
