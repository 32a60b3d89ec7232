package outside

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	unreadPartitions = 4
	unreadValue      = 4 << 10
	mostGrowth       = 32 << 20
)

// TestClientThatNeverReads completes a handshake on a topic that holds more data than all buffers
// between, and reads nothing for a time. The proxy must not drop the client, use more memory, commit
// anything, or cause a rebalance of its group; and when the client reads again it gets everything.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	size := scaled()
	n := size.unread / unreadValue
	k := realKafka(t)
	topic := k.topic(unreadPartitions)
	k.fill(topic, unreadPartitions, n, unreadValue)
	group := topic + "-group"

	p := serve(t, k.addr, "WSPROXY_PING_INTERVAL=2s", "WSPROXY_PONG_TIMEOUT=2s", "WSPROXY_CONSUMER_SESSION_TIMEOUT=6s")
	before := p.memory(t)
	c := dialRaw(t, p.url(fmt.Sprintf("/socket/out?clientId=c&groupId=%s&topic=%s", group, topic)))
	await(t, "the proxy to have sent much", func() bool { return p.metric(t, "wsproxy_bytes_sent_total") > 1<<20 })
	joined := k.membership(group)

	stalled := peakOver(t, p, size.unreadTime)
	if growth := stalled - before.now; growth > mostGrowth {
		t.Errorf("resident memory grew by %s", mebibytes(growth))
	}
	if committed := k.committed(group, topic); len(committed) > 0 {
		t.Errorf("committed is %v, and nothing was read", committed)
	}
	if now := k.membership(group); now != joined {
		t.Errorf("the group has rebalanced: from %+v to %+v", joined, now)
	}
	sent := p.metric(t, fmt.Sprintf("wsproxy_records_delivered_total{topic=%q}", topic))

	delivered := newTally(unreadPartitions, n/unreadPartitions)
	for delivered.total < n {
		var r struct {
			Partition int32
			Offset    int64
		}
		must(t, json.Unmarshal(c.read(t), &r))
		delivered.add(r.Partition, r.Offset)
	}
	after := p.memory(t)
	c.close(t)
	if delivered.distinct != n {
		t.Errorf("%d of %d records were delivered", delivered.distinct, n)
	}
	await(t, "commits of what was read", func() bool { return sum(k.committed(group, topic)) > 0 })
	t.Logf("topic %s, unread for %v; written %.0f of %d records; resident memory before %s, most while unread %s (+%s), after reading all %s (most %s)",
		mebibytes(n*unreadValue), size.unreadTime, sent, n, mebibytes(before.now), mebibytes(stalled), mebibytes(stalled-before.now),
		mebibytes(after.now), mebibytes(after.peak))
}

// peakOver returns the most resident memory that the proxy has while a time passes. Nothing must happen
// in this time: the wait itself is the test.
func peakOver(t testing.TB, p *proxy, duration time.Duration) int {
	t.Helper()
	over := time.After(duration)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if p.Ended() {
				t.Fatal("the proxy ended")
			}
		case <-over:
			return p.memory(t).peak
		}
	}
}

// membership is a group of one, as Kafka sees it. Its generation counts rebalances.
type membership struct {
	member     string
	state      string
	generation int32
}

// membership waits until the group has its one member.
func (c *cluster) membership(group string) membership {
	c.t.Helper()
	var m membership
	await(c.t, "the group to be stable", func() bool {
		groups, err := c.admin.DescribeGroups(within(c.t, patience), group)
		must(c.t, err)
		g := groups[group]
		if len(g.Members) != 1 || g.State != "Stable" {
			return false
		}
		m = membership{member: g.Members[0].MemberID, state: g.State}
		return true
	})
	m.generation = c.generation(group, m.member)
	return m
}

// generation finds out a group's generation, which Kafka does not tell to non-members: it sends
// heartbeats with all likely generations, and returns the accepted one.
func (c *cluster) generation(group, member string) int32 {
	c.t.Helper()
	for generation := range int32(100) {
		heartbeat := kmsg.NewPtrHeartbeatRequest()
		heartbeat.Group, heartbeat.MemberID, heartbeat.Generation = group, member, generation
		answer, err := heartbeat.RequestWith(within(c.t, patience), c.client)
		must(c.t, err)
		if answer.ErrorCode == 0 {
			return generation
		}
		if answer.ErrorCode != kerr.IllegalGeneration.Code {
			c.t.Fatalf("a heartbeat was answered by %v", kerr.ErrorForCode(answer.ErrorCode))
		}
	}
	c.t.Fatal("no generation is right")
	return 0
}
