package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	goclient "github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	words "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func asAvro(o *goclient.Options) { o.Avro = true }

// TestTheGoClientSpeaksAvro and gets what it wrote, by a group and by a live reader. What Kafka has is compared, too.
func TestTheGoClientSpeaksAvro(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.run(t)
		c, ctx := p.goClient(t, asAvro), testContext(t)
		w := c.Producer(goclient.ProducerOptions{Topic: topic})
		defer w.Close()
		number := []byte{0, 0, 0, 0, 0, 0, 0, 42}
		for i, m := range []goclient.Message{
			{Key: []byte("k"), Value: []byte{0xff, 0}, Headers: []goclient.Header{{Key: "h", Value: []byte("v")}}},
			{Key: []byte{}, Value: nil},
			{Value: number, ValueFormat: words.FormatLong},
			{Value: []byte("{ }"), ValueFormat: words.FormatJSON},
		} {
			if ack, err := w.Send(ctx, m); err != nil || ack.Offset != int64(i) {
				t.Fatalf("message %d: %+v, %v", i, ack, err)
			}
		}
		inKafka := k.partition(t, topic, 0, 4)
		if string(inKafka[0].Value) != "\xff\x00" || inKafka[1].Value != nil || inKafka[1].Key == nil || !bytes.Equal(inKafka[2].Value, number) || len(inKafka[0].Headers) != 1 {
			t.Errorf("Kafka has %+v", inKafka)
		}
		want := `["k" "\xff\x00" [{h [118]}]] ["" <nil> []] [<nil> "\x00\x00\x00\x00\x00\x00\x00*" []] [<nil> "{ }" []]`
		o := goclient.ConsumeOptions{Topic: topic, Group: k.group(), ValueFormat: words.FormatLong}
		if got := spelt(upTo(t, 4, c.Consume(ctx, o))); got != want {
			t.Errorf("a group gets %s", got)
		}
		if _, err := w.Send(ctx, goclient.Message{Value: number}); err != nil {
			t.Fatal(err)
		}
		for _, r := range upTo(t, 2, c.Consume(ctx, o)) { // the loop of the fourth was left, and so it was not committed
			if r.Offset < 3 || r.Offset == 4 && r.ValueFormat != words.FormatLong {
				t.Errorf("the group goes on with %+v", r)
			}
		}
		var tailed []*goclient.Record
		for e, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}, From: "earliest", UntilEnd: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Record != nil {
				tailed = append(tailed, e.Record)
			}
		}
		if got := spelt(tailed[:4]); got != want || len(tailed) != 5 {
			t.Errorf("a live reader gets %s", got)
		}
	})
}

func spelt(records []*goclient.Record) (text string) {
	quote := func(b []byte) any {
		if b == nil {
			return nil
		}
		return fmt.Sprintf("%q", b)
	}
	for i, r := range records {
		if i > 0 {
			text += " "
		}
		text += fmt.Sprint([]any{quote(r.Key), quote(r.Value), r.Headers})
	}
	return text
}

// TestTheGoClientTellsOfOneAvroMessageThatIsRefused while those beside it are written, and of what ends all.
func TestTheGoClientTellsOfOneAvroMessageThatIsRefused(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", "1000")
		p := k.run(t)
		c, ctx := p.goClient(t, asAvro), testContext(t)
		w := c.Producer(goclient.ProducerOptions{Topic: topic})
		defer w.Close()
		codes := make(chan string, 3)
		for _, size := range []int{10, 2000, 10} {
			err := w.Enqueue(ctx, goclient.Message{Value: make([]byte, size)}, func(_ goclient.Ack, err error) {
				var e *goclient.Error
				errors.As(err, &e)
				if e == nil {
					e = &goclient.Error{Code: fmt.Sprint(err)}
				}
				codes <- e.Code
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if got := <-codes + " " + <-codes + " " + <-codes; got != "<nil> MESSAGE_TOO_LARGE <nil>" {
			t.Errorf("got %s", got)
		}
		var e *goclient.Error
		if _, err := w.Send(ctx, goclient.Message{Value: []byte("v"), Partition: new(int32)}); !errors.As(err, &e) || e.Code != "INVALID_MESSAGE" {
			t.Errorf("a partition: %v", err)
		}
	})
}
