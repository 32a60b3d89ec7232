package produce

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// feedInterval is the time between two records of Feed.
const feedInterval = time.Second

// Feed writes a record a second to a topic, for people who try the proxy, until stop is called.
func Feed(broker, topic string, log *slog.Logger) (stop func()) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ClientID("wsproxy-demo"), kgo.DefaultProduceTopic(topic))
	if err != nil {
		log.Warn("feeding the demo topic failed", "err", err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close()
		feed(ctx, client)
	}()
	return func() {
		cancel()
		<-done
	}
}

func feed(ctx context.Context, client *kgo.Client) {
	ticker := time.NewTicker(feedInterval)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case now := <-ticker.C:
			client.Produce(ctx, &kgo.Record{
				Key:   []byte("sensor-" + strconv.Itoa(n%demoSensors)),
				Value: fmt.Appendf(nil, `{"n":%d,"at":%q}`, n, now.UTC().Format(time.RFC3339)),
			}, nil)
		case <-ctx.Done():
			return
		}
	}
}

// demoSensors is how many keys the demo records have.
const demoSensors = 8
