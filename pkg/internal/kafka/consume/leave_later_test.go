package consume

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestALeaveDuringTheFirstJoin closes a consumer whose first join waits for a member that is away. Once
// the group stops waiting for that member, it must not keep the closed consumer either: its session
// timeout is longer than the test.
func TestALeaveDuringTheFirstJoin(t *testing.T) {
	for _, kind := range []string{"kfake", "Kafka"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			group := newRemade(t, hostsOf(t, kind)...)
			group.join(t, "stays", 5*time.Minute)
			away := group.join(t, "away", 6*time.Second)
			group.await(t, "Stable", "stays", "away")
			away.Close(kafkatest.Deadline(t), false)
			owner := &kafkatest.Owner{}
			joins := group.joinAs(t, "joins", 5*time.Minute, owner)
			group.await(t, "PreparingRebalance", "stays", "away", "joins")
			joins.Close(kafkatest.Deadline(t), true)
			group.await(t, "Stable", "stays")
			if got := owner.Starts(); len(got) != 0 {
				t.Errorf("the owner of the closed consumer was assigned %v", got)
			}
			kafkatest.Await(t, "no consumer to wait for its join", func() bool { return len(joins.later) == 0 })
		})
	}
}

// join adds a member to the topic's group.
func (r *remade) join(t *testing.T, client proxy.ClientID, timeout time.Duration) *Consumer {
	t.Helper()
	return r.joinAs(t, client, timeout, &kafkatest.Owner{})
}

func (r *remade) joinAs(t *testing.T, client proxy.ClientID, timeout time.Duration, o proxy.Owner) *Consumer {
	t.Helper()
	c := clustertest.ConnectTo(t, r.hosts...)
	consumer, err := consumersOf(t, c).Join(Options{
		ClientID: client, GroupID: proxy.GroupID(r.name), Topic: topicOf(t, c, r.name), Reset: ResetEarliest, SessionTimeout: timeout, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	return consumer
}

// await waits until the topic's group is in a state and consists of the members with these client ids.
func (r *remade) await(t *testing.T, state string, clients ...string) {
	t.Helper()
	kafkatest.Await(t, "the group to be "+state, func() bool {
		groups, err := r.admin.DescribeGroups(kafkatest.Deadline(t), r.name)
		group := groups[r.name]
		return err == nil && group.State == state && sameClients(group.Members, clients)
	})
}

func sameClients(members []kadm.DescribedGroupMember, clients []string) bool {
	ids := make(map[string]bool)
	for i := range members {
		ids[members[i].ClientID] = true
	}
	for _, c := range clients {
		if !ids[c] {
			return false
		}
	}
	return len(ids) == len(clients)
}
