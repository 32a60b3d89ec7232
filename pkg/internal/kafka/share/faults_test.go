package share

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func TestAReplicaThatDiesLeavesItsRecordsToAnother(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "a", "b")
		dying, other := r.pod(), r.pod()
		lost := dying.open(2)
		lost.wants("a", "b")
		heir := other.open(2)
		dying.gate.Cut()
		heir.wants("a", "b")
		heir.settles(proxy.Accept)
		r.awaitNoLag()
		lost.until("the loss", func() bool { return len(lost.expired) == 2 || lost.settleFailed() })
	})
}

// TestAReplicaThatDiesLeavesThePartitionsThatWereAssignedToItAlone has more partitions than members.
func TestAReplicaThatDiesLeavesThePartitionsThatWereAssignedToItAlone(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 5)
		for partition := range int32(5) {
			r.write(partition, "a", "b")
		}
		dying, other := r.pod(), r.pod()
		lost := dying.open(10)
		lost.until("all", func() bool { return len(lost.got) == 10 })
		heir := other.open(10)
		kafkatest.Await(r, "all partitions to be read", func() bool { return heir.session() != nil && heir.leads() == 5 })
		dying.gate.Cut()
		heir.until("all", func() bool { return len(heir.got) == 10 })
		heir.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

// leads returns how many partitions are read from the first of the brokers.
func (h *hand) leads() int {
	l := h.worker.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.partitions {
		return len(p.source.leads)
	}
	return 0
}

// settleFailed gives an acknowledgement, which nobody hears: the session finds that the network is cut.
func (h *hand) settleFailed() bool {
	s := h.settle(proxy.Accept, h.position(0), h.position(1))
	for _, r := range s.Results {
		if r.Result == proxy.SettleDone {
			h.Errorf("%s is told to be accepted by a replica that is cut off", r.Position)
		}
	}
	return true
}

func TestTwoReplicasShareAPartition(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		one, other := r.pod().open(5), r.pod().open(5)
		var want []string
		for i := range 10 {
			want = append(want, fmt.Sprintf("%02d", i))
		}
		r.write(0, want...)
		one.until("its share", func() bool { return len(one.got) == 5 })
		other.until("its share", func() bool { return len(other.got) == 5 })
		got := append(values(one.got), values(other.got)...)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			r.Errorf("got %q", got)
		}
		one.settles(proxy.Accept)
		other.settles(proxy.Accept)
		r.awaitNoLag()
	})
}

func TestABrokerThatRestartsTakesBackWhatIsHeld(t *testing.T) {
	broker := kafka.RequireOwn(t, kafka.Options{})
	r := newRig(t, broker.Addr())
	r.create(r.topic, 1)
	r.write(0, "a", "b")
	h := r.pod().open(2)
	h.wants("a", "b")
	if err := broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := h.settle(proxy.Accept, h.position(0))
	if s.Results[0].Result == proxy.SettleDone {
		t.Errorf("got %+v", s.Results)
	}
	h.until("the expiry of the other", func() bool { return len(h.expired) > 0 })
	h.until("the next deliveries", func() bool { return len(h.got) == 4 })
	h.results(h.settle(proxy.Accept, h.position(2), h.position(3)), proxy.SettleDone)
	r.awaitNoLag()
}

func TestATopicThatIsMadeAgainIsAnotherOne(t *testing.T) {
	eachKafka(t, func(r *rig) {
		r.create(r.topic, 1)
		r.write(0, "old")
		p := r.pod()
		h := p.open(2)
		h.wants("old")
		if _, err := r.admin.DeleteTopic(kafkatest.Deadline(r), r.topic); err != nil {
			r.Fatal(err)
		}
		r.create(r.topic, 1)
		r.client.PurgeTopicsFromProducing(r.topic)
		h.worker.topicOf(p).Refresh()
		var err error
		for ctx := kafkatest.Deadline(r); err == nil; {
			err = h.take(ctx)
		}
		if e := proxy.AsError(err); e.Kind != proxy.KindTopicNotFound {
			r.Fatalf("got %v", err)
		}
		h.worker.Close(kafkatest.Deadline(r))
		r.write(0, "new")
		next := p.open(2)
		next.wants("new")
		next.settles(proxy.Accept)
	})
}

// topicOf returns the worker's topic.
func (w *Worker) topicOf(p *pod) interface{ Refresh() } {
	p.groups.mu.Lock()
	defer p.groups.mu.Unlock()
	for _, m := range p.groups.members {
		if h := m.workers[w]; h != nil {
			return h.topic
		}
	}
	return p.topics
}

func TestPartitionsThatAreAddedAreRead(t *testing.T) {
	r := fakeRig(t, 1, kfake.BrokerConfigs(map[string]string{"group.share.heartbeat.interval.ms": "100"}))
	r.create(r.topic, 1)
	r.write(0, "a")
	h := r.pod().open(2)
	h.wants("a")
	if _, err := r.admin.CreatePartitions(kafkatest.Deadline(t), 1, r.topic); err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "the partition to be written", func() bool {
		listed, err := r.admin.ListEndOffsets(kafkatest.Deadline(t), r.topic)
		return err == nil && listed.Error() == nil && len(listed[r.topic]) == 2
	})
	r.client.PurgeTopicsFromProducing(r.topic)
	r.write(1, "b")
	h.wants("a", "b")
	h.settles(proxy.Accept)
}

func TestWhatIsHeldIsLostWhenTheLeaderMoves(t *testing.T) {
	r, broker := fakeRigAnd(t, 2)
	r.create(r.topic, 1)
	r.write(0, "a", "b")
	h := r.pod().open(2)
	h.wants("a", "b")
	if err := broker.MoveTopicPartition(r.topic, 0, 1-broker.LeaderFor(r.topic, 0)); err != nil {
		t.Fatal(err)
	}
	h.results(h.settle(proxy.Accept, h.position(0)), proxy.SettleExpired)
	h.until("the expiry of the other", func() bool { return len(h.expired) > 0 })
	if h.expired[0] != h.position(1) {
		t.Errorf("expired is %v", h.expired)
	}
}

// TestWhatIsHeldIsLostWhenTheLeaderMovesAwayAndBack has a worker with a full window, so that nothing is asked meanwhile.
func TestWhatIsHeldIsLostWhenTheLeaderMovesAwayAndBack(t *testing.T) {
	r, broker := fakeRigAnd(t, 2)
	r.create(r.topic, 1)
	r.write(0, "a", "b")
	h := r.pod().open(2)
	h.wants("a", "b")
	leader := broker.LeaderFor(r.topic, 0)
	for _, next := range []int32{1 - leader, leader} {
		if err := broker.MoveTopicPartition(r.topic, 0, next); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * quietAtMost) // a move takes longer
	h.results(h.settle(proxy.Accept, h.position(0)), proxy.SettleFailed)
	h.until("the expiry of the other", func() bool { return len(h.expired) > 0 })
	if h.expired[0] != h.position(1) {
		t.Errorf("expired is %v", h.expired)
	}
}

func TestAMemberFollowsItsCoordinator(t *testing.T) {
	r, broker := fakeRigAnd(t, 3, kfake.BrokerConfigs(map[string]string{"group.share.heartbeat.interval.ms": "50"}))
	r.create(r.topic, 1)
	r.write(0, "a")
	h := r.pod().open(2)
	h.wants("a")
	broker.RehashCoordinators()
	seen := make(chan struct{}, 100)
	broker.ControlKey(int16(kmsg.ShareGroupHeartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		seen <- struct{}{}
		return nil, nil, false
	})
	for range 3 {
		<-seen
	}
	r.write(0, "b")
	h.wants("a", "b")
	h.settles(proxy.Accept)
}

func TestAMemberThatIsFencedJoinsAgain(t *testing.T) {
	for name, failure := range map[string]*kerr.Error{"unknown": kerr.UnknownMemberID, "fenced": kerr.FencedMemberEpoch} {
		t.Run(name, func(t *testing.T) {
			r, broker := fakeRigAnd(t, 1, kfake.BrokerConfigs(map[string]string{"group.share.heartbeat.interval.ms": "50"}))
			r.create(r.topic, 1)
			r.write(0, "a")
			h := r.pod().open(1)
			h.wants("a")
			broker.ControlKey(int16(kmsg.ShareGroupHeartbeat), func(request kmsg.Request) (kmsg.Response, error, bool) {
				answer, ok := request.ResponseKind().(*kmsg.ShareGroupHeartbeatResponse)
				answer.ErrorCode = failure.Code
				return answer, nil, ok
			})
			h.until("the expiry", func() bool { return len(h.expired) > 0 })
			h.results(h.settle(proxy.Accept, h.position(0)), proxy.SettleExpired)
			h.until("the next delivery", func() bool { return len(h.got) == 2 })
			h.results(h.settle(proxy.Accept, h.position(1)), proxy.SettleDone)
			r.awaitNoLag()
		})
	}
}

func TestASessionThatKafkaHasLostBeginsAnew(t *testing.T) {
	for name, failure := range map[string]*kerr.Error{
		"not found": kerr.ShareSessionNotFound, "epoch": kerr.InvalidShareSessionEpoch, "unexpected": kerr.UnknownServerError,
	} {
		t.Run(name, func(t *testing.T) {
			r, broker := fakeRigAnd(t, 1)
			r.create(r.topic, 1)
			r.write(0, "a", "b")
			h := r.pod().open(2)
			h.wants("a", "b")
			broker.ControlKey(int16(kmsg.ShareFetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
				answer, ok := request.ResponseKind().(*kmsg.ShareFetchResponse)
				answer.ErrorCode = failure.Code
				return answer, nil, ok
			})
			s := h.settle(proxy.Accept, h.position(0))
			if s.Results[0].Result == proxy.SettleDone {
				t.Errorf("got %+v", s.Results)
			}
			h.until("the expiry of the other", func() bool { return len(h.expired) > 0 })
			h.until("the next deliveries", func() bool { return len(h.got) == 4 })
			h.results(h.settle(proxy.Accept, h.position(2), h.position(3)), proxy.SettleDone)
			r.awaitNoLag()
		})
	}
}

func TestABrokerWithoutRoomForASessionIsToldAsOverloaded(t *testing.T) {
	r, broker := fakeRigAnd(t, 1)
	r.create(r.topic, 1)
	broker.ControlKey(int16(kmsg.ShareFetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		answer, ok := request.ResponseKind().(*kmsg.ShareFetchResponse)
		answer.ErrorCode = kerr.ShareSessionLimitReached.Code
		return answer, nil, ok
	})
	h := r.pod().open(1)
	if err := h.take(kafkatest.Deadline(t)); kafkatest.KindOf(err) != proxy.KindOverloaded {
		t.Errorf("got %v", err)
	}
}

func TestARefusedSettlementDoesNotSpoilTheOthers(t *testing.T) {
	r, broker := fakeRigAnd(t, 1)
	r.create(r.topic, 1)
	r.write(0, "a", "b", "c", "d", "e")
	h := r.pod().open(5)
	h.wants("a", "b", "c", "d", "e")
	spoil := func(request kmsg.Request) (kmsg.Response, error, bool) { // as if somebody else had the third
		broker.KeepControl()
		spoilWith(request, 2)
		return nil, nil, false
	}
	broker.ControlKey(int16(kmsg.ShareAcknowledge), spoil)
	broker.ControlKey(int16(kmsg.ShareFetch), spoil)
	s := h.settle(proxy.Accept, h.positions()...)
	for i, result := range s.Results {
		want := proxy.SettleDone
		if i == 2 {
			want = proxy.SettleExpired
		}
		if result.Result != want {
			t.Errorf("record %d: got %d, want %d", i, result.Result, want)
		}
	}
}

// spoilWith has a broker refuse what a request tells about a partition, if it is about an offset.
func spoilWith(request kmsg.Request, offset int64) {
	switch r := request.(type) {
	case *kmsg.ShareAcknowledgeRequest:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				if slices.ContainsFunc(p.AcknowledgementBatches, func(b kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch) bool {
					return b.FirstOffset <= offset && offset <= b.LastOffset
				}) {
					strange := kmsg.NewShareAcknowledgeRequestTopicPartitionAcknowledgementBatch()
					strange.FirstOffset, strange.LastOffset, strange.AcknowledgeTypes = 999, 999, []int8{1}
					p.AcknowledgementBatches = append(p.AcknowledgementBatches, strange)
				}
			}
		}
	case *kmsg.ShareFetchRequest:
		for i := range r.Topics {
			for j := range r.Topics[i].Partitions {
				p := &r.Topics[i].Partitions[j]
				if slices.ContainsFunc(p.AcknowledgementBatches, func(b kmsg.ShareFetchRequestTopicPartitionAcknowledgementBatch) bool {
					return b.FirstOffset <= offset && offset <= b.LastOffset
				}) {
					strange := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
					strange.FirstOffset, strange.LastOffset, strange.AcknowledgeTypes = 999, 999, []int8{1}
					p.AcknowledgementBatches = append(p.AcknowledgementBatches, strange)
				}
			}
		}
	}
}
