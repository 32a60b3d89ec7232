package consume

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// counted counts connections to brokers.
type counted struct {
	made, open atomic.Int64
}

func (c *counted) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.made.Add(1)
	c.open.Add(1)
	return &countedConn{Conn: conn, of: c}, nil
}

type countedConn struct {
	net.Conn
	of   *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.of.open.Add(-1) })
	return c.Conn.Close()
}

// TestALeaveMakesNoConnection lets a consumer leave right after a commit.
func TestALeaveMakesNoConnection(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	var connections counted
	c := clustertest.ConnectThrough(t, connections.dial, broker.ListenAddrs()...)
	consumer, err := consumersOf(t, c).Join(Options{
		ClientID: "c", GroupID: "g", Topic: topicOf(t, c, "t"), Reset: ResetEarliest, SessionTimeout: 10 * time.Second, Owner: &kafkatest.Owner{},
	})
	if err != nil {
		t.Fatal(err)
	}
	poll(t, consumer, 1)
	if err := consumer.Commit(kafkatest.Deadline(t), []proxy.Next{{Partition: 0, Offset: 1}}); err != nil {
		t.Fatal(err)
	}
	before, seen := connections.made.Load(), watchRequests(broker)
	consumer.Close(kafkatest.Deadline(t), true)
	if made := connections.made.Load() - before; made > 0 {
		t.Errorf("leaving has made %d connections", made)
	}
	if asked := seen.kinds(0); asked["LeaveGroup"] != 1 || asked["FindCoordinator"] != 0 { // another client would need one
		t.Errorf("leaving has asked for %v", asked)
	}
	if left := memberIDs(t, broker); len(left) != 0 {
		t.Errorf("the members are %v", left)
	}
}

// TestALeaveWhileJoining closes a member while a rebalance makes it wait for another member, which is
// away.
func TestALeaveWhileJoining(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	stays, wait := withAMemberAway(t, broker, &kafkatest.Owner{})
	id := stays.member()
	wait()
	stays.Close(kafkatest.Deadline(t), true)
	for _, m := range broker.GroupInfo("g").Members {
		if m.MemberID == id {
			t.Errorf("%s is still a member", id)
		}
	}
}

// onceOwner has something to commit, once, as a connection does.
type onceOwner struct{ kafkatest.Owner }

func (o *onceOwner) Revoked(ctx context.Context, partitions []int32) []proxy.Next {
	defer o.SetCommits(nil)
	return o.Owner.Revoked(ctx, partitions)
}

// TestCloseWaitsForASlowCommit delays the last commit for longer than a join may take: Close must not
// cancel it.
func TestCloseWaitsForASlowCommit(t *testing.T) {
	t.Parallel()
	broker, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(3, "t"), kfake.SleepOutOfOrder())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	write(t, broker, 0, "a", "b")
	o := &onceOwner{kafkatest.Owner{Commits: []proxy.Next{{Partition: 0, Offset: 1}}}}
	consumer := consume(t, broker, ResetEarliest, o)
	poll(t, consumer, 1)
	broker.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.SleepControl(func() { time.Sleep(joinWait + time.Second) })
		return nil, nil, false
	})
	consumer.Close(kafkatest.Deadline(t), true)
	if got := committed(t, broker, 0); got != 1 {
		t.Errorf("committed %d", got)
	}
}
