package consume

import (
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestALeaderThatComesBackBalancesOnlyWhatIsNew calls the balancer of a consumer whose group is stable.
func TestALeaderThatComesBackBalancesOnlyWhatIsNew(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	c := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	poll(t, c, 1)
	b := kgo.CooperativeStickyBalancer()
	member := kmsg.NewJoinGroupResponseMember()
	member.MemberID, member.ProtocolMetadata = c.member(), b.JoinGroupMetadata([]string{"t"}, nil, -1)
	balance := func(assigned func(map[string]int32) bool, partitions int32) []kmsg.SyncGroupRequestGroupAssignment {
		t.Helper()
		mine, _, err := balancer{GroupBalancer: b, assigned: assigned}.MemberBalancer([]kmsg.JoinGroupResponseMember{member})
		if err != nil {
			t.Fatal(err)
		}
		failing, ok := mine.(memberBalancer)
		if !ok {
			t.Fatalf("the balancer is %T", mine)
		}
		plan, err := failing.BalanceOrError(map[string]int32{"t": partitions})
		if err != nil {
			t.Fatal(err)
		}
		return plan.IntoSyncAssignment()
	}
	_, before := c.client.GroupMetadata()
	if balance(c.isAssigned, 3) != nil {
		t.Error("it balances a group whose assignments are in force")
	}
	if plan := balance(func(map[string]int32) bool { return false }, 3); len(plan) != 1 {
		t.Errorf("the plan of a group without assignments is %v", plan)
	}
	if _, now := c.client.GroupMetadata(); now != before {
		t.Errorf("the group has rebalanced from generation %d to %d", before, now)
	}
	if plan := balance(c.isAssigned, 4); len(plan) != 1 {
		t.Errorf("the plan for a partition that nobody has is %v", plan)
	}
	ctx := kafkatest.Deadline(t)
	for now := before; now == before; _, now = c.client.GroupMetadata() {
		if ctx.Err() != nil {
			t.Fatal("nobody requests a rebalance that assigns the partition")
		}
		runtime.Gosched()
	}
}

// TestAnAssignmentOfAnotherTopicIsNotTaken parses an assignment that the group gave to the client before
// the client rejoined.
func TestAnAssignmentOfAnotherTopicIsNotTaken(t *testing.T) {
	assignment := kmsg.NewConsumerMemberAssignment()
	for _, name := range []string{"other", "t"} {
		topic := kmsg.NewConsumerMemberAssignmentTopic()
		topic.Topic, topic.Partitions = name, []int32{0, 2}
		assignment.Topics = append(assignment.Topics, topic)
	}
	asked := 0
	b := balancer{GroupBalancer: kgo.CooperativeStickyBalancer(), topic: "t", again: func() { asked++ }}
	got, err := b.ParseSyncAssignment(assignment.AppendTo(nil))
	if err != nil || len(got) != 1 || len(got["t"]) != 2 || asked != 1 {
		t.Errorf("got %v and %v, and asked for %d rebalances", got, err, asked)
	}
	assignment.Topics = assignment.Topics[1:]
	if got, err = b.ParseSyncAssignment(assignment.AppendTo(nil)); err != nil || len(got["t"]) != 2 || asked != 1 {
		t.Errorf("got %v and %v, and asked for %d rebalances", got, err, asked)
	}
	if _, err = b.ParseSyncAssignment([]byte{1}); err == nil {
		t.Error("an invalid assignment is accepted")
	}
}
