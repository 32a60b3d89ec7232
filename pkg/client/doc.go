// Package client produces to and consumes from Apache Kafka through a proxy, over WebSockets.
//
//	c, err := client.New(client.Options{URL: "ws://127.0.0.1:8078", ClientID: "example"})
//	if err != nil {
//		return err
//	}
//	p := c.Producer(client.ProducerOptions{Topic: "demo"})
//	defer p.Close()
//	ack, err := p.Send(ctx, client.Message{Key: []byte("sensor-1"), Value: []byte("21.5")})
//	…
//	for record, err := range c.Consume(ctx, client.ConsumeOptions{Topic: "demo", Group: "example"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Printf("%s\n", record.Value)
//	}
//
// A Client has four ways: a Producer writes, Consume reads as a member of a consumer group, Tail reads without one from any place on,
// and Queue takes records one by one, as one of many workers.
//
// # What holds
//
//  1. A message that Send has acknowledged is in Kafka. Nothing else that was handed over is lost without a word: it is answered by an
//     error. A message may be written twice, where a connection ended between its writing and its answer: Ack.Sends is above 1 then.
//  2. Consume commits a record only after the loop has asked for the one behind it, or when Record.Commit says so. So each record is dealt
//     with at least once, however the process ends.
//  3. Tail gives every record from its place on once, in the order of its partition, or a Gap.
//  4. A Task of Queue settles the delivery that it is, and no other one of its record. Accept and the others return nil when Kafka has settled it.
//  5. Nothing is unbounded: messages in flight, records ahead of a loop, and the pauses between connections, which grow to 30 s and are
//     spread.
//  6. Connections that end are made anew, unless the close code or the status says that this is in vain: then the error says why.
//     errors.As finds an *Error with the code.
//  7. A connection whose token is a JWT has a new one before that expires, and goes on.
package client
