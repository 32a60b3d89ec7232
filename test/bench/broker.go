package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// embeddedCommand as the only argument makes this program the fake broker.
const embeddedCommand = "serve-embedded-broker"

// broker is the Kafka that is used.
type broker struct {
	name, addr string
	pid        int // 0 if it is not on this machine, or not known
	close      func() error
}

func startBroker(ctx context.Context, o options, messages io.Writer) (broker, error) {
	switch {
	case o.broker != "":
		return broker{name: "the broker at " + o.broker, addr: o.broker, close: func() error { return nil }}, nil
	case o.embedded:
		return startEmbedded(ctx)
	}
	fmt.Fprintf(messages, "Starting Kafka %s; the first time this downloads it.\n", kafka.BrokerVersion)
	b, err := kafka.Start(ctx, kafka.Options{HeapMiB: 512, Properties: map[string]string{
		"group.initial.rebalance.delay.ms": "0",
		"log.segment.delete.delay.ms":      "1000",
	}})
	if err != nil {
		return broker{}, err
	}
	return broker{name: "Apache Kafka " + kafka.BrokerVersion, addr: b.Addr(), pid: b.PID(), close: b.Close}, nil
}

// startEmbedded runs this program once more as the fake broker, so that the broker's CPU is
// nobody else's.
func startEmbedded(ctx context.Context) (broker, error) {
	p, err := startSelf(ctx, embeddedCommand)
	if err != nil {
		return broker{}, fmt.Errorf("starting the embedded broker: %w", err)
	}
	addr, err := p.line()
	if err != nil {
		return broker{}, fmt.Errorf("starting the embedded broker: %w", errors.Join(err, p.stop()))
	}
	return broker{name: "the embedded broker (kfake)", addr: addr, pid: p.pid(), close: p.stop}, nil
}

// serveEmbedded prints the broker's address and serves until life ends, as it does when who
// started it ends.
func serveEmbedded(life io.Reader, output io.Writer) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		return fmt.Errorf("starting the embedded broker: %w", err)
	}
	defer cluster.Close()
	fmt.Fprintln(output, cluster.ListenAddrs()[0])
	_, err = io.Copy(io.Discard, life)
	return err
}
