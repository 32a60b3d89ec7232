package kafka

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestInstanceID(t *testing.T) {
	long := strings.Repeat("x", maxInstanceID-len(plainInstance))
	tests := map[string]struct {
		client proxy.ClientID
		want   string // where empty, any that Kafka takes
	}{
		"plain":        {"phone-1.a_B", "wsproxy-phone-1.a_B"},
		"dots":         {"..", "wsproxy-.."},
		"longest":      {proxy.ClientID(long), plainInstance + long},
		"too long":     {proxy.ClientID(long + "x"), ""},
		"space":        {"a phone", ""},
		"slash":        {"a/phone", ""},
		"unicode":      {"telefón", ""},
		"249 of four":  {proxy.ClientID(strings.Repeat("\U0001F4DE", 249)), ""},
		"percent sign": {"a%2Fphone", ""},
	}
	seen := make(map[string]string)
	for name, test := range tests {
		got := instanceID(test.client)
		if test.want != "" && got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if len(got) > maxInstanceID || !isInstance(got) {
			t.Errorf("%s: Kafka does not take %q", name, got)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%s and %s share %q", name, other, got)
		}
		seen[got] = name
	}
	hashed := instanceID("a phone")
	if same := instanceID(proxy.ClientID(strings.TrimPrefix(hashed, plainInstance))); same == hashed {
		t.Errorf("a client can choose the instance id %q of another", same)
	}
}

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
	broker := newBroker(t, "t")
	write(t, broker, 0, "a")
	first := consume(t, broker, ResetEarliest, &owner{commits: []proxy.Next{{Partition: 0, Offset: 1}}})
	poll(t, first, 1)
	before := memberIDs(t, broker)
	_, generation := first.client.GroupMetadata()
	first.Close(deadline(t), false)
	if away := memberIDs(t, broker); len(away) != 1 || away[0] != before[0] {
		t.Fatalf("the members are %v, and were %v", away, before)
	}
	write(t, broker, 0, "b")
	second := consume(t, broker, ResetEarliest, &owner{})
	if got := poll(t, second, 1); got[0] != "0/1=b" {
		t.Errorf("got %v", got)
	}
	after := memberIDs(t, broker)
	_, then := second.client.GroupMetadata()
	if len(after) != 1 || after[0] == before[0] || then != generation {
		t.Errorf("the members are %v in generation %d, and were %v in %d", after, then, before, generation)
	}
	second.Close(deadline(t), true)
	if left := memberIDs(t, broker); len(left) != 0 {
		t.Errorf("the members are %v after the last has left", left)
	}
}

// TestALeaveNamesTheMember looks at what is sent: an instance id alone would throw out whoever
// has it by then.
func TestALeaveNamesTheMember(t *testing.T) {
	broker := newBroker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &owner{})
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
	c.Close(deadline(t), true)
	if m := <-seen; m.MemberID != id || m.InstanceID == nil || *m.InstanceID != "wsproxy-c" {
		t.Errorf("left as %q of instance %v, want %q of wsproxy-c", m.MemberID, m.InstanceID, id)
	}
}

func TestAReplacedConsumerEnds(t *testing.T) {
	broker := newBroker(t, "t")
	write(t, broker, 0, "a")
	o := &lostOwner{owner: owner{commits: []proxy.Next{{Partition: 0, Offset: 1}}}}
	old := consume(t, broker, ResetEarliest, o)
	poll(t, old, 1)
	heir := consume(t, broker, ResetEarliest, &owner{})
	poll(t, heir, 1)
	if err := old.Commit(deadline(t), []proxy.Next{{Partition: 0, Offset: 1}}); !errors.Is(err, kerr.FencedInstanceID) {
		t.Errorf("committing: %v", err)
	}
	_, err := old.Poll(deadline(t), 10, nil, func() {})
	if kindOf(err) != proxy.KindDuplicateClient || !errors.Is(err, proxy.ErrSucceeded) {
		t.Errorf("polling: %v", err)
	}
	old.Close(deadline(t), false)
	if o.lost.Load() != 3 || len(o.revoked) != 0 {
		t.Errorf("lost %d partitions, revoked %v", o.lost.Load(), o.revoked)
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

// TestCommitsDoNotWaitForAMemberThatIsAway has a rebalance wait for a member whose connection
// was cut.
func TestCommitsDoNotWaitForAMemberThatIsAway(t *testing.T) {
	broker := newBroker(t, "t")
	write(t, broker, 0, "a")
	write(t, broker, 1, "a")
	write(t, broker, 2, "a")
	state := func(want string, members int) {
		t.Helper()
		ctx := deadline(t)
		for group := broker.GroupInfo("g"); group.State != want || len(group.Members) != members; group = broker.GroupInfo("g") {
			if ctx.Err() != nil {
				t.Fatalf("the group is %s with %d members, want %s with %d", group.State, len(group.Members), want, members)
			}
			runtime.Gosched()
		}
	}
	stays := consumeAs(t, broker, "stays", ResetEarliest, &owner{})
	poll(t, stays, 3)
	away := consumeAs(t, broker, "away", ResetEarliest, &owner{})
	poll(t, away, 1)
	state("Stable", 2)
	away.Close(deadline(t), false)
	state("Stable", 2)
	consumeAs(t, broker, "new", ResetEarliest, &owner{})
	state("PreparingRebalance", 3)
	ctx, cancel := context.WithTimeout(deadline(t), 2*time.Second)
	defer cancel()
	if err := stays.Commit(ctx, []proxy.Next{{Partition: 0, Offset: 1}}); err != nil {
		t.Errorf("committing while the group waits: %v", err)
	}
	state("PreparingRebalance", 3)
}

// TestALeaderThatComesBackChangesNothing asks the balancer of a consumer whose group is stable.
func TestALeaderThatComesBackChangesNothing(t *testing.T) {
	broker := newBroker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &owner{})
	poll(t, c, 1)
	b := kgo.CooperativeStickyBalancer()
	member := kmsg.NewJoinGroupResponseMember()
	member.MemberID, member.ProtocolMetadata = c.member(), b.JoinGroupMetadata([]string{"t"}, nil, -1)
	balance := func(assigned func() bool) []kmsg.SyncGroupRequestGroupAssignment {
		t.Helper()
		mine, _, err := balancer{b, assigned}.MemberBalancer([]kmsg.JoinGroupResponseMember{member})
		if err != nil {
			t.Fatal(err)
		}
		failing, ok := mine.(memberBalancer)
		if !ok {
			t.Fatalf("the balancer is %T", mine)
		}
		plan, err := failing.BalanceOrError(map[string]int32{"t": 3})
		if err != nil {
			t.Fatal(err)
		}
		return plan.IntoSyncAssignment()
	}
	if !c.isAssigned() || balance(c.isAssigned) != nil {
		t.Error("it balances a group whose assignments are in force")
	}
	if plan := balance(func() bool { return false }); len(plan) != 1 {
		t.Errorf("the plan of a group without assignments is %v", plan)
	}
}
