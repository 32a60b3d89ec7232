package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func ExampleProducer_Send() {
	url, stop := startProxy() // such as ws://127.0.0.1:8078
	defer stop()

	c, err := client.New(client.Options{URL: url, ClientID: "example"})
	must(err)
	p := c.Producer(client.ProducerOptions{Topic: "demo"})
	defer p.Close()

	ack, err := p.Send(context.Background(), client.Message{Key: []byte("sensor-1"), Value: []byte("21.5")})
	must(err)
	fmt.Println("written to partition", ack.Partition, "at offset", ack.Offset)

	_, err = p.Send(context.Background(), client.Message{Value: []byte("{"), ValueFormat: proxy.FormatJSON})
	if refused, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println("refused:", refused.Code)
	}
	// Output:
	// written to partition 0 at offset 0
	// refused: INVALID_VALUE
}

// Messages are sent while others wait for their answers, which come in their order.
func ExampleProducer_Enqueue() {
	url, stop := startProxy()
	defer stop()

	c, err := client.New(client.Options{URL: url, ClientID: "example"})
	must(err)
	p := c.Producer(client.ProducerOptions{Topic: "demo", MaxInFlight: 100})
	defer p.Close()

	written := 0
	for n := range 1000 {
		m := client.Message{Value: fmt.Append(nil, n)}
		must(p.Enqueue(context.Background(), m, func(ack client.Ack, err error) {
			if err == nil && ack.Sends == 1 { // else it failed, or may be there twice
				written++
			}
		}))
	}
	must(p.Flush(context.Background()))
	fmt.Println(written, "are written")
	// Output: 1000 are written
}

// The group's position moves behind a record when its Commit says so. Without ManualCommit it does when the loop asks for the next one.
func ExampleClient_Consume() {
	url, stop := startProxy()
	defer stop()
	write(url, "demo", "u1", "tea", "u2", "coffee", "u1", "milk")

	c, err := client.New(client.Options{URL: url, ClientID: "example-1"})
	must(err)
	ctx := context.Background()
	for range 2 { // the second loop begins behind what the first one has committed
		for record, err := range c.Consume(ctx, client.ConsumeOptions{Topic: "demo", Group: "example", ManualCommit: true}) {
			must(err)
			fmt.Printf("%s: %s\n", record.Key, record.Value)
			if record.Offset == 1 {
				must(record.Commit(ctx))
				break
			}
			if record.Offset == 2 {
				break
			}
		}
	}
	// Output:
	// u1: tea
	// u2: coffee
	// u1: milk
}

// A tail needs no group. Its cursor is a place to go on at, later and through any replica.
func ExampleClient_Tail() {
	url, stop := startProxy()
	defer stop()
	write(url, "demo", "sensor-1", "21.5", "sensor-2", "18.0")

	c, err := client.New(client.Options{URL: url})
	must(err)
	cursor := read(c, "earliest")
	write(url, "demo", "sensor-1", "21.7")
	read(c, "cursor:"+cursor)
	// Output:
	// sensor-1: 21.5
	// sensor-2: 18.0
	// sensor-1: 21.7
}

func read(c *client.Client, from string) (cursor string) {
	for event, err := range c.Tail(context.Background(), client.TailOptions{Topics: []string{"demo"}, From: from, UntilEnd: true}) {
		must(err)
		switch {
		case event.Record != nil:
			fmt.Printf("%s: %s\n", event.Record.Key, event.Record.Value)
		case event.Gap != nil:
			fmt.Println("missing:", event.Gap.From, "to", event.Gap.To, event.Gap.Reason)
		case event.Cursor != "":
			cursor = event.Cursor
		}
	}
	return cursor
}

// The newest record of each key comes first, and then what is written.
func ExampleClient_Tail_snapshot() {
	url, stop := startProxy()
	defer stop()
	write(url, "prices", "IBM", "280", "SAP", "190", "IBM", "281")

	c, err := client.New(client.Options{URL: url})
	must(err)
	prices := map[string]string{}
	for event, err := range c.Tail(context.Background(), client.TailOptions{Topics: []string{"prices"}, Snapshot: true}) {
		must(err)
		if r := event.Record; r != nil && r.Value == nil {
			delete(prices, string(r.Key)) // a tombstone
		} else if r != nil {
			prices[string(r.Key)] = string(r.Value)
		}
		if event.Snapshot != nil && event.Snapshot.State == "end" {
			break
		}
	}
	fmt.Println(prices)
	// Output: map[IBM:281 SAP:190]
}

// What the loop neither settles nor detaches is released, and comes again, here or at another worker.
func ExampleClient_Queue() {
	url, stop := startProxy()
	defer stop()
	write(url, "demo", "ada", "Dear Ada", "bob", "Dear Bob")

	c, err := client.New(client.Options{URL: url, ClientID: "worker-1"})
	must(err)
	ctx, done := context.Background(), 0
	for task, err := range c.Queue(ctx, client.QueueOptions{Topic: "demo", Group: "senders"}) {
		must(err)
		if string(task.Key) == "ada" && task.Count == 1 {
			continue // it fails
		}
		must(task.Accept(ctx))
		fmt.Printf("sent to %s at the attempt %d\n", task.Key, task.Count)
		if done++; done == 2 {
			break
		}
	}
	// Unordered output:
	// sent to bob at the attempt 1
	// sent to ada at the attempt 2
}

// What another try cannot change is told at once, with its code.
func ExampleError() {
	url, stop := startProxy()
	defer stop()

	c, err := client.New(client.Options{URL: url})
	must(err)
	for _, err := range c.Tail(context.Background(), client.TailOptions{Topics: []string{"demo"}, From: "newest"}) {
		if e, ok := errors.AsType[*client.Error](err); ok {
			fmt.Println(e.Code, e.Status, e.Retriable)
		}
	}
	// Output: INVALID_PARAMETER 400 false
}

// write writes keys and values in turn.
func write(url, topic string, keysAndValues ...string) {
	c, err := client.New(client.Options{URL: url})
	must(err)
	p := c.Producer(client.ProducerOptions{Topic: topic})
	defer p.Close()
	for i := 0; i < len(keysAndValues); i += 2 {
		_, err := p.Send(context.Background(), client.Message{Key: []byte(keysAndValues[i]), Value: []byte(keysAndValues[i+1])})
		must(err)
	}
}
