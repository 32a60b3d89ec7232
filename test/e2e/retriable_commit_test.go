package e2e

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// faultyCluster returns a broker that a test can make refuse requests. No other test uses it.
func faultyCluster(t *testing.T) (*kfake.Cluster, *cluster) {
	t.Helper()
	fake, err := startFake()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	k := newCluster(t, fake.ListenAddrs()[0])
	t.Cleanup(k.client.Close)
	return fake, k
}

func testRefusedCommit(t *testing.T, _ *cluster) {
	fake, k := faultyCluster(t)
	topic, group := k.topic(t, 1), k.group()
	k.produce(t, topic, numbered(0, 3, 1, 0)...)
	var refuse atomic.Bool
	refuse.Store(true)
	fake.ControlKey(int16(kmsg.OffsetCommit), func(request kmsg.Request) (kmsg.Response, error, bool) {
		fake.KeepControl()
		commit, ok := request.(*kmsg.OffsetCommitRequest)
		if !ok || !refuse.Load() {
			return nil, nil, false
		}
		return refusedCommit(commit), nil, true
	})
	p := k.start(t)
	p.awaitReady(t, true)
	c := p.out(t, topic, "groupId="+group, "autoCommit=false")
	last := c.deliveries(3)[2]
	c.send(commitOf(last))
	wantCommitFailed(t, c.read(), last)
	refuse.Store(false)
	c.send(commitOf(last))
	k.awaitCommit(t, group, topic, 3)
}

// refusedCommit answers as a broker whose ACLs do not let the group commit.
func refusedCommit(request *kmsg.OffsetCommitRequest) kmsg.Response {
	response, _ := request.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, asked := range request.Topics {
		topic := kmsg.NewOffsetCommitResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		for _, p := range asked.Partitions {
			partition := kmsg.NewOffsetCommitResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.GroupAuthorizationFailed.Code
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

func wantCommitFailed(t *testing.T, frame string, of delivery) {
	t.Helper()
	retriable(t, frame, "COMMIT_FAILED")
	if got := parse[delivery](t, frame); got.ID != of.ID {
		t.Errorf("%s does not hold the id %s", frame, of.ID)
	}
}

// testUnansweredCommit cuts off only commits: without heartbeats the client would lose the partition.
func testUnansweredCommit(t *testing.T, k *cluster) {
	topic, group := k.topic(t, 1), k.group()
	k.produce(t, topic, numbered(0, 3, 1, 0)...)
	var cut commitCutter
	o := options(t, k.addr, nil)
	o.Dial = cut.dial
	a, err := app.Start(o)
	if err != nil {
		t.Fatalf("starting the proxy: %v", err)
	}
	t.Cleanup(a.Shutdown)
	p := &proxy{app: a, addr: a.Addr(), management: a.AdminAddr()}
	p.awaitReady(t, true)
	c := p.out(t, topic, "groupId="+group, "autoCommit=false")
	last := c.deliveries(3)[2]
	cut.cutting.Store(true)
	c.send(commitOf(last))
	wantCommitFailed(t, c.read(), last)
	cut.cutting.Store(false)
	c.send(commitOf(last))
	k.awaitCommit(t, group, topic, 3)
}

// commitCutter cuts a connection to Kafka when a commit goes out.
type commitCutter struct{ cutting atomic.Bool }

func (c *commitCutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	return &cutConn{conn, c}, err
}

type cutConn struct {
	net.Conn
	cutter *commitCutter
}

// Write takes whole requests: the length of four bytes, and the number of the request's kind.
func (c *cutConn) Write(request []byte) (int, error) {
	if c.cutter.cutting.Load() && len(request) > 6 && binary.BigEndian.Uint16(request[4:]) == uint16(kmsg.OffsetCommit) {
		_ = c.Close()
		return 0, errShut
	}
	return c.Conn.Write(request)
}
