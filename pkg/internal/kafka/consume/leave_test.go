package consume

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// memberIDs returns the members of the group "g".
func memberIDs(t *testing.T, broker *kfake.Cluster) (ids []string) {
	t.Helper()
	group := broker.GroupInfo("g")
	if group == nil {
		t.Fatal("there is no group")
	}
	for i := range group.Members {
		if got := group.Members[i].InstanceID; got == nil || *got != "wsproxy-c" {
			t.Errorf("the instance id of %s is %v", group.Members[i].MemberID, got)
		}
		if got := group.Members[i].ClientID; got != "c" {
			t.Errorf("the client.id of %s is %q", group.Members[i].MemberID, got)
		}
		ids = append(ids, group.Members[i].MemberID)
	}
	return ids
}

func TestAClientThatComesBackFindsItsPlace(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	first := consume(t, broker, ResetEarliest, &kafkatest.Owner{Commits: []proxy.Next{{Partition: 0, Offset: 1}}})
	poll(t, first, 1)
	before := memberIDs(t, broker)
	_, generation := first.client.GroupMetadata()
	first.Close(kafkatest.Deadline(t), false)
	if away := memberIDs(t, broker); len(away) != 1 || away[0] != before[0] {
		t.Fatalf("the members are %v, and were %v", away, before)
	}
	write(t, broker, 0, "b")
	second := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	if got := poll(t, second, 1); got[0] != "0/1=b" {
		t.Errorf("got %v", got)
	}
	after := memberIDs(t, broker)
	_, then := second.client.GroupMetadata()
	if len(after) != 1 || after[0] == before[0] || then != generation {
		t.Errorf("the members are %v in generation %d, and were %v in %d", after, then, before, generation)
	}
	second.Close(kafkatest.Deadline(t), true)
	if left := memberIDs(t, broker); len(left) != 0 {
		t.Errorf("the members are %v after the last has left", left)
	}
}

// TestALeaveNamesTheMember checks the request: an instance id alone would remove the member that has it
// by then.
func TestALeaveNamesTheMember(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, c, 1)
	id := c.member()
	seen := make(chan kmsg.LeaveGroupRequestMember, 1)
	broker.ControlKey(int16(kmsg.LeaveGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		request, _ := r.(*kmsg.LeaveGroupRequest)
		for _, m := range request.Members {
			seen <- m
		}
		return nil, nil, false
	})
	c.Close(kafkatest.Deadline(t), true)
	if m := <-seen; m.MemberID != id || m.InstanceID == nil || *m.InstanceID != "wsproxy-c" {
		t.Errorf("left as %q of instance %v, want %q of wsproxy-c", m.MemberID, m.InstanceID, id)
	}
}

func TestAReplacedConsumerEnds(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	o := &lostOwner{Owner: kafkatest.Owner{Commits: []proxy.Next{{Partition: 0, Offset: 1}}}}
	old := consume(t, broker, ResetEarliest, o)
	poll(t, old, 1)
	heir := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, heir, 1)
	if err := old.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 1}}); !errors.Is(err, kerr.FencedInstanceID) {
		t.Errorf("committing: %v", err)
	}
	_, err := old.Poll(kafkatest.Deadline(t), 10, nil, func() {})
	if kafkatest.KindOf(err) != proxy.KindDuplicateClient || !errors.Is(err, proxy.ErrSucceeded) {
		t.Errorf("polling: %v", err)
	}
	old.Close(kafkatest.Deadline(t), false)
	if o.lost.Load() != 3 || len(o.WasRevoked()) != 0 {
		t.Errorf("lost %d partitions, revoked %v", o.lost.Load(), o.WasRevoked())
	}
	if got := committed(t, broker, 0); got != -1 {
		t.Errorf("committed %d", got)
	}
	if ids := memberIDs(t, broker); len(ids) != 1 || ids[0] != heir.member() {
		t.Errorf("the members are %v, want %s", ids, heir.member())
	}
}

func TestLeaveErrors(t *testing.T) {
	tests := map[string]struct {
		whole, member *kerr.Error
		want          error
	}{
		"left":            {nil, nil, nil},
		"was no member":   {nil, kerr.UnknownMemberID, nil},
		"was replaced":    {nil, kerr.FencedInstanceID, nil},
		"refused":         {kerr.GroupAuthorizationFailed, nil, kerr.GroupAuthorizationFailed},
		"member refused":  {nil, kerr.UnknownServerError, kerr.UnknownServerError},
		"of old, unknown": {kerr.UnknownMemberID, nil, nil},
	}
	code := func(e *kerr.Error) int16 {
		if e == nil {
			return 0
		}
		return e.Code
	}
	for name, test := range tests {
		answer := &kmsg.LeaveGroupResponse{
			ErrorCode: code(test.whole), Members: []kmsg.LeaveGroupResponseMember{{ErrorCode: code(test.member)}},
		}
		if err := leaveError(answer); !errors.Is(err, test.want) || test.want == nil && err != nil {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

// TestCommitsDoNotWaitForAMemberThatIsAway commits while a rebalance waits for a member that was
// disconnected.
func TestCommitsDoNotWaitForAMemberThatIsAway(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	stays, wait := withAMemberAway(t, broker, &kafkatest.Owner{})
	wait()
	ctx, cancel := context.WithTimeout(kafkatest.Deadline(t), 2*time.Second)
	defer cancel()
	if err := stays.Commit(ctx, []proxy.Next{{Partition: 0, Offset: 1}}); err != nil {
		t.Errorf("committing while the group waits: %v", err)
	}
	awaitMembers(t, broker, "PreparingRebalance", 3)
}

// withAMemberAway returns a member of a group of two whose other member is away. wait lets a third
// member join, so that the group waits for the absent one.
func withAMemberAway(t *testing.T, broker *kfake.Cluster, o proxy.Owner) (stays *Consumer, wait func()) {
	t.Helper()
	for partition := range int32(3) {
		write(t, broker, partition, "a")
	}
	stays = consumeAs(t, broker, "stays", ResetEarliest, o)
	poll(t, stays, 3)
	away := consumeAs(t, broker, "away", ResetEarliest, &kafkatest.Owner{})
	poll(t, away, 1)
	awaitMembers(t, broker, "Stable", 2)
	away.Close(kafkatest.Deadline(t), false)
	awaitMembers(t, broker, "Stable", 2)
	return stays, func() {
		t.Helper()
		consumeAs(t, broker, "new", ResetEarliest, &kafkatest.Owner{})
		awaitMembers(t, broker, "PreparingRebalance", 3)
	}
}

// awaitMembers waits until the group "g" is in the given state with the given number of members.
func awaitMembers(t *testing.T, broker *kfake.Cluster, want string, members int) {
	t.Helper()
	ctx := kafkatest.Deadline(t)
	for group := broker.GroupInfo("g"); group.State != want || len(group.Members) != members; group = broker.GroupInfo("g") {
		if ctx.Err() != nil {
			t.Fatalf("the group is %s with %d members, want %s with %d", group.State, len(group.Members), want, members)
		}
		runtime.Gosched()
	}
}

// TestCloseCommitsWhileTheGroupWaits closes a consumer while a rebalance waits for a member that is
// away.
func TestCloseCommitsWhileTheGroupWaits(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	o := &kafkatest.Owner{}
	stays, wait := withAMemberAway(t, broker, o)
	joins := make(chan string, 100)
	broker.ControlKey(int16(kmsg.JoinGroup), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		request, _ := r.(*kmsg.JoinGroupRequest)
		joins <- request.MemberID
		return nil, nil, false
	})
	wait()
	for <-joins != stays.member() {
		continue
	}
	o.SetCommits([]proxy.Next{{Partition: 0, Offset: 1}})
	stays.Close(kafkatest.Deadline(t), true)
	if got := committed(t, broker, 0); got != 1 {
		t.Errorf("committed %d", got)
	}
}

// TestAReplacedConsumerDoesNotJoinAgain has the successor leave while the connection of the consumer still ends, which does
// not poll anymore: before and after Kafka has told the consumer that it was replaced.
func TestAReplacedConsumerDoesNotJoinAgain(t *testing.T) {
	for name, isTold := range map[string]bool{"fenced": true, "unknown by then": false} {
		t.Run(name, func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			write(t, broker, 0, "a")
			o := &lostOwner{}
			old := consume(t, broker, ResetEarliest, o)
			poll(t, old, 1)
			hears := heartbeatsSucceed(broker)
			heir := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
			poll(t, heir, 1)
			if isTold {
				hears()
				o.awaitLost(t, 3)
			} else {
				old.Succeeded()
			}
			heir.Close(kafkatest.Deadline(t), true)
			hears()
			o.awaitLost(t, 3)
			for begun := time.Now(); time.Since(begun) < rejoinsWithin; time.Sleep(time.Millisecond) {
				if ids := memberIDs(t, broker); len(ids) != 0 {
					t.Fatalf("the members are %v after the last has left", ids)
				}
			}
		})
	}
}

// heartbeatsSucceed has members hear nothing of what becomes of their group until hears is called.
func heartbeatsSucceed(broker *kfake.Cluster) (hears func()) {
	var over atomic.Bool
	broker.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		return r.ResponseKind(), nil, !over.Load()
	})
	return func() { over.Store(true) }
}

// awaitLost waits until the owner was told that so many partitions are lost.
func (o *lostOwner) awaitLost(t *testing.T, partitions int32) {
	t.Helper()
	for ctx := kafkatest.Deadline(t); o.lost.Load() < partitions; runtime.Gosched() {
		if ctx.Err() != nil {
			t.Fatalf("%d partitions were lost", o.lost.Load())
		}
	}
}

// rejoinsWithin is longer than franz-go pauses before it joins a group again.
const rejoinsWithin = time.Second
