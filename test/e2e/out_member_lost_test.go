package e2e

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// expelled has the broker know one member of a group no more when it is called, as one that was away for longer than the
// session timeout may.
func expelled(fake *kfake.Cluster) (expel func()) {
	var expels atomic.Bool
	fake.ControlKey(int16(kmsg.Heartbeat), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		response, ok := request.ResponseKind().(*kmsg.HeartbeatResponse)
		if !ok || !expels.CompareAndSwap(true, false) {
			return nil, nil, false
		}
		response.ErrorCode = kerr.UnknownMemberID.Code
		return response, nil, true
	})
	return func() { expels.Store(true) }
}

// TestARecordComesAgainOnAnOpenConnectionWhereKafkaHasLostTheMember and what was committed does not: the client is told nothing of it, and commits what has
// come again as ever.
func TestARecordComesAgainOnAnOpenConnectionWhereKafkaHasLostTheMember(t *testing.T) {
	t.Parallel()
	fake, k := faultyCluster(t)
	topic, group := k.topic(t, 1), k.group()
	k.produce(t, topic, numbered(0, 5, 1, 0)...)
	p := k.start(t)
	p.awaitReady(t, true)
	c := p.out(t, topic, "groupId="+group, "autoCommit=false")
	first := c.deliveries(5)
	c.send(commitOf(first[1]))
	k.awaitCommit(t, group, topic, 2)
	expelled(fake)()
	again := c.deliveries(3)
	for i, d := range again {
		if d.ID != first[i+2].ID {
			t.Errorf("record %d that came again is %s, want %s", i, d.ID, first[i+2].ID)
		}
	}
	c.send(commitOf(again[2]))
	k.awaitCommit(t, group, topic, 5)
}
