package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

func ExampleProducer_Send() {
	c, err := client.New(client.Options{URL: "ws://127.0.0.1:8078", ClientID: "example"})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	p := c.Producer(client.ProducerOptions{Topic: "demo"})
	defer p.Close()
	ack, err := p.Send(context.Background(), client.Message{Key: []byte("sensor-1"), Value: []byte("21.5")})
	var refused *client.Error
	switch {
	case errors.As(err, &refused) && refused.Code == "MESSAGE_TOO_LARGE":
		slog.Warn("a message is left out", "err", err)
	case err != nil:
		slog.Error(err.Error())
	default:
		fmt.Println("written to partition", ack.Partition)
	}
}

func ExampleClient_Consume() {
	c, err := client.New(client.Options{URL: "ws://127.0.0.1:8078", ClientID: "example-1"})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	for record, err := range c.Consume(context.Background(), client.ConsumeOptions{Topic: "demo", Group: "example"}) {
		if err != nil {
			slog.Error(err.Error())
			return
		}
		fmt.Printf("%s: %s\n", record.Key, record.Value)
	}
}

func ExampleClient_Tail() {
	c, err := client.New(client.Options{URL: "ws://127.0.0.1:8078"})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	prices := map[string]string{} // the newest one of each key
	for event, err := range c.Tail(context.Background(), client.TailOptions{Topics: []string{"prices"}, Snapshot: true}) {
		switch {
		case err != nil:
			slog.Error(err.Error())
			return
		case event.Record == nil:
		case event.Record.Value == nil:
			delete(prices, string(event.Record.Key))
		default:
			prices[string(event.Record.Key)] = string(event.Record.Value)
		}
	}
}

func ExampleClient_Queue() {
	c, err := client.New(client.Options{URL: "ws://127.0.0.1:8078", ClientID: "worker-1"})
	if err != nil {
		slog.Error(err.Error())
		return
	}
	ctx := context.Background()
	for task, err := range c.Queue(ctx, client.QueueOptions{Topic: "mails", Group: "senders"}) {
		if err != nil {
			slog.Error(err.Error())
			return
		}
		if err := send(task.Value); err != nil {
			continue // another worker may have it
		}
		if err := task.Accept(ctx); err != nil {
			slog.Warn("the task may come again", "err", err)
		}
	}
}

func send([]byte) error { return nil }
