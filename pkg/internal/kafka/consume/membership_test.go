package consume

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAStaleClaimDoesNotTakeTheGroupBack uses a member with partitions from an earlier member id, while
// another member may have committed higher offsets.
func TestAStaleClaimDoesNotTakeTheGroupBack(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, c, 1)
	commit := func(offset int64) {
		t.Helper()
		if err := c.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: offset}}); err != nil {
			t.Fatal(err)
		}
	}
	commit(5)
	c.members.kept("an earlier life", []int32{0})
	commit(3)
	if got := committed(t, broker, 0); got != 5 {
		t.Errorf("the group went back to %d", got)
	}
	c.members.kept("an earlier life", []int32{0})
	commit(7)
	if got := committed(t, broker, 0); got != 7 {
		t.Errorf("the group is at %d, want 7", got)
	}
}

// TestACommitIsNotRepeatedForALostPartition has Kafka refuse a commit until the member has lost the
// partition and got it again.
func TestACommitIsNotRepeatedForALostPartition(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, c, 1)
	refusing, refused := make(chan struct{}), make(chan struct{}, 1)
	broker.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		select {
		case <-refusing:
			return nil, nil, false
		default:
		}
		select {
		case refused <- struct{}{}:
		default:
		}
		request, _ := r.(*kmsg.OffsetCommitRequest)
		return commitAnswer(request, 0, kerr.IllegalGeneration.Code), nil, true
	})
	over := make(chan error, 1)
	ctx := kafkatest.Deadline(t)
	go func() { over <- c.Commit(ctx, []proxy.Next{{Partition: 0, Offset: 1}}) }()
	<-refused
	c.members.lost([]int32{0})
	c.members.assigned(c.member(), slices.Values([]int32{0}))
	close(refusing)
	if err := <-over; !errors.Is(err, errLostMeanwhile) {
		t.Errorf("committing: %v", err)
	}
	if got := committed(t, broker, 0); got != -1 {
		t.Errorf("committed %d", got)
	}
}

// lostOwner counts lost partitions.
type lostOwner struct {
	kafkatest.Owner
	lost atomic.Int32
}

func (o *lostOwner) Lost(partitions []int32) { o.lost.Add(int32(len(partitions))) }

// TestAStaleClaimIsLost revokes a partition that was kept from an earlier member id: this member must
// not commit its position.
func TestAStaleClaimIsLost(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	o := &lostOwner{Owner: kafkatest.Owner{Commits: []proxy.Next{{Partition: 0, Offset: 1}}}}
	c := consume(t, broker, ResetEarliest, o)
	poll(t, c, 1)
	c.members.kept("an earlier life", []int32{0, 1, 2})
	c.Close(kafkatest.Deadline(t), true)
	if o.lost.Load() != 3 || len(o.WasRevoked()) != 0 {
		t.Errorf("lost %d, revoked %v", o.lost.Load(), o.WasRevoked())
	}
	if got := committed(t, broker, 0); got != -1 {
		t.Errorf("committed %d", got)
	}
}

func TestMembership(t *testing.T) {
	var m membership
	m.assigned("first", slices.Values([]int32{0, 1}))
	m.assigned("second", slices.Values([]int32{2}))
	own, stale := m.split("second", []int32{0, 1, 2})
	if !slices.Equal(own, []int32{2}) || !slices.Equal(stale, []int32{0, 1}) {
		t.Errorf("got %v and %v", own, stale)
	}
	m.kept("second", []int32{1})
	if own, stale = m.split("second", []int32{0, 1, 2}); !slices.Equal(own, []int32{1, 2}) || !slices.Equal(stale, []int32{0}) {
		t.Errorf("got %v and %v", own, stale)
	}
}
