package inventory

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// patience is how long administrators wait for a lookup.
const patience = 4 * time.Second

// deaf returns a dialer whose connections to one address are accepted, but never answered.
func deaf(t *testing.T, address string) clustertest.Dial {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody accepts: the kernel does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		if to == address {
			to = listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}
}

// withSilentBroker starts three brokers, with a topic t that has three partitions and with groups of which
// every broker coordinates some. It returns an Inventory that one broker, silent, does not answer.
func withSilentBroker(t *testing.T) (c *Inventory, broker *kfake.Cluster, silent int32) {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	for i := range 3 {
		if err := broker.MoveTopicPartition("t", int32(i), int32(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		commit(t, broker, fmt.Sprintf("g%02d", i), kadm.Offset{Topic: "t", Partition: int32(i % 3), At: 1})
	}
	addresses := broker.ListenAddrs()
	silent = 1
	c, err = Open(clustertest.ConnectThrough(t, deaf(t, addresses[silent]), addresses...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, broker, silent
}

// TestOneSilentBroker looks everything up while one broker of three accepts connections, but answers nothing.
func TestOneSilentBroker(t *testing.T) {
	t.Parallel()
	c, broker, silent := withSilentBroker(t)
	known := func() (known []proxy.GroupID) {
		for i := range 20 {
			if id := fmt.Sprintf("g%02d", i); broker.CoordinatorFor(id) != silent {
				known = append(known, proxy.GroupID(id))
			}
		}
		return known
	}()
	if len(known) == 0 || len(known) == 20 {
		t.Fatalf("the brokers that answer know %v", known)
	}
	for range 3 { // each time another broker may be asked first
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		groups, missing, err := c.Groups(ctx)
		var listed []proxy.GroupID
		for _, g := range groups {
			listed = append(listed, g.ID)
		}
		if err != nil || !slices.Equal(listed, known) || !slices.Equal(missing, []int32{silent}) {
			t.Errorf("listed %v, %v are silent: %v", listed, missing, err)
		}
		cancel()

		ctx, cancel = context.WithTimeout(t.Context(), patience)
		topic, missing, err := c.Topic(ctx, "t")
		if err != nil || len(topic.Partitions) != 3 || !slices.Equal(missing, []int32{silent}) || len(topic.Settings) == 0 {
			t.Errorf("%+v, %v are silent: %v", topic, missing, err)
		}
		for _, p := range topic.Partitions {
			if unknown := p.Leader == silent; (p.Start == proxy.Unknown) != unknown || (p.End == proxy.Unknown) != unknown {
				t.Errorf("got %+v", p)
			}
		}
		cancel()

		ctx, cancel = context.WithTimeout(t.Context(), patience)
		if group, err := c.Group(ctx, known[0]); err != nil || group.State != proxy.GroupEmpty {
			t.Errorf("got %+v, %v", group, err)
		}
		cancel()
	}
}

// TestChangesBesideASilentBroker changes a group that another broker coordinates than the silent one, which
// may be asked which one that is.
func TestChangesBesideASilentBroker(t *testing.T) {
	t.Parallel()
	c, broker, silent := withSilentBroker(t)
	id := proxy.GroupID("g00")
	for i := 0; broker.CoordinatorFor(string(id)) == silent; i++ {
		id = proxy.GroupID(fmt.Sprintf("g%02d", i))
	}
	offsets := []proxy.GroupOffset{{Topic: "t", Partition: 0, Offset: 0}}
	for what, change := range map[string]func(context.Context) error{
		"committing": func(ctx context.Context) error {
			return c.CommitGroupOffsets(ctx, id, proxy.ClassicGroup, offsets)
		},
		"deleting offsets": func(ctx context.Context) error {
			return c.DeleteGroupOffsets(ctx, id, proxy.ClassicGroup, offsets)
		},
	} {
		if err := change(kafkatest.Deadline(t)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := c.DeleteGroup(kafkatest.Deadline(t), id); err != nil {
		t.Errorf("deleting: %v", err)
	}
}
