package cluster_test

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// seriesOfFranz counts the series of franz-go's activity.
func seriesOfFranz(t *testing.T, c *cluster.Cluster) int {
	t.Helper()
	return len(kafkatest.Scrape(t, c.Metrics, "wsproxy_kafka_")) - len(kafkatest.Scrape(t, c.Metrics, "wsproxy_kafka_clients{"))
}

// batches returns how many batches of records producers have written.
func batches(t *testing.T, c *cluster.Cluster) (sum float64) {
	t.Helper()
	for _, n := range kafkatest.Scrape(t, c.Metrics, `wsproxy_kafka_produce_batches_total{kind="producer",`) {
		sum += n
	}
	return sum
}

// TestClientsOfAKindShareTheirSeries opens and closes many clients.
func TestClientsOfAKindShareTheirSeries(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	c := connect(t, broker)
	c.Settings.MaxProducerClients, c.Settings.ClientIdleTimeout = 10, 100*time.Millisecond
	pool := newPool(t, c)
	topic := open(t, watch(t, c), "t")
	write := func(client proxy.ClientID) {
		if _, err := kafkatest.Produce(t, pool.Open(client, topic), kafkatest.Value("v")); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range []proxy.ClientID{"first", "second", "third"} {
		write(client)
	}
	kafkatest.Await(t, "an idle client to disconnect", func() bool {
		return len(kafkatest.Scrape(t, c.Metrics, "wsproxy_kafka_disconnects_total{")) > 0
	})
	before := seriesOfFranz(t, c)
	write("fourth")
	write("fifth")
	kafkatest.Await(t, "all batches to be counted, which may be after their answers", func() bool { return batches(t, c) == 5 })
	if after := seriesOfFranz(t, c); after != before || before == 0 {
		t.Errorf("there were %d series, and with more clients %d", before, after)
	}
	if got := kafkatest.Scrape(t, c.Metrics, "wsproxy_kafka_buffered_"); len(got) > 0 {
		t.Errorf("there is a gauge of a single client: %v", got)
	}
}

func TestSeriesEndWithTheCluster(t *testing.T) {
	c := connect(t, kafkatest.Broker(t, "t"))
	if err := c.Ping(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	if seriesOfFranz(t, c) == 0 {
		t.Error("nothing is counted")
	}
	c.Close()
	if got := seriesOfFranz(t, c); got != 0 {
		t.Errorf("there are %d series", got)
	}
}
