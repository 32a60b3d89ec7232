package inventory

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// network is one on which a broker can die for its clients.
type network struct {
	mu    sync.Mutex
	dead  string // an address at which nobody listens anymore
	conns map[string][]net.Conn
}

// dial connects to an address.
func (n *network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if address == n.dead {
		address = "127.0.0.1:1" // it refuses, which is an error that franz-go takes for a passing one
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		n.conns[address] = append(n.conns[address], conn)
	}
	return conn, err
}

// lose has an address not be reached anymore.
func (n *network) lose(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = address
	for _, conn := range n.conns[address] {
		_ = conn.Close()
	}
}

// aboutGroups are an administrator's requests about two groups of each kind, one of which stays as it is.
func (r *rig) aboutGroups(ids []proxy.GroupID) map[string]func(ctx context.Context) error {
	all := make(map[string]func(ctx context.Context) error)
	for i, kind := range []proxy.GroupType{proxy.ClassicGroup, proxy.ShareGroup} {
		one, other := ids[2*i], ids[2*i+1]
		offset := []proxy.GroupOffset{{Topic: r.topic, Partition: 0, Offset: 0}}
		all["describing a group, "+string(kind)] = func(ctx context.Context) error {
			_, err := r.Group(ctx, one)
			return err
		}
		all["offsets, "+string(kind)] = func(ctx context.Context) error {
			_, err := r.GroupOffsets(ctx, one, kind)
			return err
		}
		all["setting offsets, "+string(kind)] = func(ctx context.Context) error { return r.CommitGroupOffsets(ctx, other, kind, offset) }
		all["deleting offsets, "+string(kind)] = func(ctx context.Context) error {
			return r.DeleteGroupOffsets(ctx, other, kind, []proxy.GroupOffset{{Topic: r.topic + "-gone"}})
		}
	}
	return all
}

// coordinated starts three brokers, of which one coordinates groups of each kind, and returns the requests about these.
func coordinated(t *testing.T) (broker *kfake.Cluster, n *network, coordinator int32, requests map[string]func(ctx context.Context) error) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	coordinator = 1
	r := newRig(t, broker.ListenAddrs()[0])
	n = &network{conns: make(map[string][]net.Conn)}
	if r.Inventory, err = Open(clustertest.ConnectThrough(t, n.dial, broker.ListenAddrs()...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	var ids []proxy.GroupID
	for i := 0; len(ids) < 4; i++ {
		if id := fmt.Sprint("g", i); broker.CoordinatorFor(id) == coordinator {
			ids = append(ids, proxy.GroupID(id))
		}
	}
	r.produce(t, 0, 1, time.Now())
	for _, id := range ids[:2] {
		if err := r.CommitGroupOffsets(kafkatest.Deadline(t), id, proxy.ClassicGroup, []proxy.GroupOffset{{Topic: r.topic}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range ids[2:] {
		r.work(t, string(id), 1)()
		r.awaitEmpty(t, id)
	}
	requests = r.aboutGroups(ids)
	for what, ask := range requests { // so that it is known who coordinates the groups
		if err := ask(kafkatest.Deadline(t)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	return broker, n, coordinator, requests
}

// TestTheCoordinatorOfAGroupDies has administrators ask before the groups have another one, and afterwards.
func TestTheCoordinatorOfAGroupDies(t *testing.T) {
	t.Parallel()
	broker, network, coordinator, requests := coordinated(t)
	network.lose(broker.ListenAddrs()[coordinator])
	for what, ask := range requests {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := ask(ctx); err == nil {
			t.Errorf("%s: answered by a broker that is dead", what)
		}
		cancel()
	}
	if err := broker.RemoveNode(coordinator); err != nil {
		t.Fatal(err)
	}
	for what, ask := range requests { // one may fail as its connection ends, and is tried again as its error asks for
		kafkatest.Await(t, what+" when another broker is the coordinator", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), kafkatest.Patience/4)
			defer cancel()
			return ask(ctx) == nil
		})
	}
}

// TestTheCoordinatorOfAGroupMoves has the one before live on, which answers that it is none.
func TestTheCoordinatorOfAGroupMoves(t *testing.T) {
	t.Parallel()
	broker, _, coordinator, requests := coordinated(t)
	if err := broker.RemoveNode(coordinator); err != nil {
		t.Fatal(err)
	}
	if _, _, err := broker.AddNode(coordinator, 0); err != nil {
		t.Fatal(err)
	}
	for what, ask := range requests {
		if err := ask(kafkatest.Deadline(t)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
