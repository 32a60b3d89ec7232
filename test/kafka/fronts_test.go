package kafka

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
)

// TestFronts has a client and the brokers come through links. The client knows the brokers by the addresses of its links
// alone, and who cannot reach the leader of a partition is not in sync with it.
func TestFronts(t *testing.T) {
	t.Parallel()
	clients, peers := make(map[int32]*links.Link), make(map[int32]*links.Link)
	c := RequireOwnCluster(t, ClusterOptions{Fronts: []Front{linkTo(t, clients)}, Peers: linkTo(t, peers), Properties: map[string]string{
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
	leader := leaderOf(ctx, t, admin, topic)
	peers[leader].Set(links.Way{Held: true}, links.Way{Held: true})
	until(ctx, t, func() bool { return inSync(ctx, t, admin, topic) == 1 })
	peers[leader].Set(links.Way{}, links.Way{})
	until(ctx, t, func() bool { return inSync(ctx, t, admin, topic) == ClusterSize })
	startProducing(t, c, topic).writes(ctx, t, 10)
}

// linkTo is a front of links.
func linkTo(t *testing.T, all map[int32]*links.Link) Front {
	t.Helper()
	return func(broker int32, listens string) (string, error) {
		l, err := links.Open(listens)
		if err != nil {
			return "", err
		}
		t.Cleanup(func() { must(t, l.Close()) })
		all[broker] = l
		return l.Addr(), nil
	}
}
