package client_test

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/devbroker"
)

// startProxy starts a proxy with a broker of its own, which has the topics demo and, compacted, prices.
func startProxy() (url string, stop func()) {
	broker, err := devbroker.Start(devbroker.Options{Topics: map[string]int32{"demo": 1}, Logger: slog.New(slog.DiscardHandler)})
	must(err)
	makePrices(broker.Addr())
	settings, err := app.NewConfig(
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS="+broker.Addr(), "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SESSION_STATE_REPLICATION_FACTOR=1",
	)
	must(err)
	proxy, err := app.Start(app.Options{Config: settings})
	must(err)
	must(proxy.AwaitReady(context.Background())) // before, it asks consumers to come again in some seconds
	return "ws://" + proxy.Addr(), func() {
		proxy.Shutdown()
		broker.Close()
	}
}

func makePrices(broker string) {
	plain, err := kgo.NewClient(kgo.SeedBrokers(broker))
	must(err)
	defer plain.Close()
	policy := "compact"
	_, err = kadm.NewClient(plain).CreateTopic(context.Background(), 1, 1, map[string]*string{"cleanup.policy": &policy}, "prices")
	must(err)
}

// must ends an example that cannot be shown.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
