package kafka

import (
	"context"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
)

// TestFronts has a client and the brokers come through links. The client knows the brokers by the addresses of its links
// alone, and who cannot reach the leader of a partition, or the controller, is not in sync with it, or chooses another.
func TestFronts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all addresses of 127.0.0.0/8")
	}
	clients, roads := make(map[int32]*links.Link), make(map[links.Road]*links.Link)
	c := RequireOwnCluster(t, ClusterOptions{Fronts: []Front{links.Front(t, clients)}, Between: links.Roads(t, roads), Properties: map[string]string{
		"replica.lag.time.max.ms": "3000",
	}})
	ctx := deadline(t)
	admin := adminOf(t, c.Front(0))
	brokers, err := admin.ListBrokers(ctx)
	must(t, err)
	known := make(map[string]bool)
	for _, b := range brokers {
		known[address(int(b.Port))] = true
	}
	for id, l := range clients {
		if !known[l.Addr()] {
			t.Errorf("the client knows broker %d by another address than %s", id, l.Addr())
		}
	}
	topic := replicated(ctx, t, admin)
	writing := startProducing(t, c, topic)
	leader := leaderOf(ctx, t, admin, topic)
	follower := leader%ClusterSize + 1
	hold := func(held bool, of func(links.Road) bool) {
		for road, l := range roads {
			if of(road) {
				l.Set(links.Way{Held: held}, links.Way{Held: held})
			}
		}
	}
	for alone, of := range map[int]func(links.Road) bool{
		ClusterSize - 1: func(r links.Road) bool { return r == links.Road{From: follower, To: leader} },
		1:               func(r links.Road) bool { return r.To == leader && !r.Controller },
	} {
		hold(true, of)
		writing.client.Produce(ctx, kgo.StringRecord("behind"), nil) // who has all that there is stays in sync
		until(ctx, t, func() bool { return inSync(ctx, t, admin, topic) == alone })
		hold(false, of)
		until(ctx, t, func() bool { return inSync(ctx, t, admin, topic) == ClusterSize })
	}
	isolateController(ctx, t, c, hold)
	writing.writes(ctx, t, 10)
}

// isolateController cuts the controller off from the others, and waits until they have another.
func isolateController(ctx context.Context, t *testing.T, c *Cluster, hold func(bool, func(links.Road) bool)) {
	t.Helper()
	client, err := kgo.NewClient(seeds(c.Addr()))
	must(t, err)
	t.Cleanup(client.Close)
	old, err := Controller(ctx, client)
	must(t, err)
	of := func(r links.Road) bool { return r.Controller && (r.From == old || r.To == old) }
	hold(true, of)
	until(ctx, t, func() bool {
		other, err := Controller(ctx, client.Broker(int(old%ClusterSize)+1))
		return err == nil && other != old
	})
	hold(false, of)
}
