package browser

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// consoleShowsWhatKafkaHas opens every view in front of Apache Kafka: the broker in memory may tell what that does not.
func consoleShowsWhatKafkaHas(browser context.Context, t *testing.T) {
	t.Helper()
	address := kafka.RequireOwn(t, kafka.Options{}).Addr()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	created, err := kadm.NewClient(client).CreateTopics(t.Context(), 4, 1, nil, viewedTopics()...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := openBusyConsole(browser, t, address)
	c.look(1280, "light")
	for _, v := range consoleViews() {
		c.open(v.address)
		c.awaitsText(v.text)
		c.picture("kafka-" + v.name)
	}
}
