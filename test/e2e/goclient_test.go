package e2e

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goclient "github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// goClient returns the project's own client of a proxy. What it does is compared with what Kafka has, and with what plain Kafka clients do.
func (p *proxy) goClient(t *testing.T, change ...func(*goclient.Options)) *goclient.Client {
	t.Helper()
	o := goclient.Options{URL: "ws://" + p.addr, ClientID: unique("go"), Patience: patience}
	for _, c := range change {
		c(&o)
	}
	c, err := goclient.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (p *proxy) goProducer(t *testing.T, topic string) *goclient.Producer {
	t.Helper()
	w := p.goClient(t).Producer(goclient.ProducerOptions{Topic: topic})
	t.Cleanup(w.Close)
	return w
}

// upTo takes so many from a sequence that must have them.
func upTo[V any](t *testing.T, n int, all iter.Seq2[V, error]) (taken []V) {
	t.Helper()
	for v, err := range all {
		if err != nil {
			t.Fatalf("after %d of %d: %v", len(taken), n, err)
		}
		if taken = append(taken, v); len(taken) == n {
			break
		}
	}
	return taken
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	t.Cleanup(cancel)
	return ctx
}

// TestTheGoClientWritesWhatItIsGiven compares records as Kafka has them.
func TestTheGoClientWritesWhatItIsGiven(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		w := k.run(t).goProducer(t, topic)
		ctx := testContext(t)
		one := int32(1)
		at := time.UnixMilli(time.Now().UnixMilli() - 5000)
		ack, err := w.Send(ctx, goclient.Message{
			Key: []byte("k"), Value: []byte{0xff, 0}, Partition: &one, Time: at,
			Headers: []goclient.Header{{Key: "h", Value: []byte("v")}, {Key: "h"}},
		})
		if err != nil || ack.Partition != 1 || ack.Offset != 0 || ack.Timestamp != at.UnixMilli() {
			t.Fatalf("got %+v, %v", ack, err)
		}
		if _, err := w.Send(ctx, goclient.Message{Partition: &one}); err != nil {
			t.Fatal(err)
		}
		got := k.partition(t, topic, 1, 2)
		if string(got[0].Value) != "\xff\x00" || string(got[0].Key) != "k" || !got[0].Timestamp.Equal(at) ||
			fmt.Sprint(got[0].Headers) != "[{h [118]} {h []}]" || got[0].Headers[1].Value != nil {
			t.Errorf("got %+v", got[0])
		}
		if got[1].Value != nil || got[1].Key != nil {
			t.Errorf("got %+v, want a tombstone", got[1])
		}
	})
}

// TestTheGoClientTellsOfOneMessageThatIsRefused alone: those beside it are written.
func TestTheGoClientTellsOfOneMessageThatIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		w := k.run(t).goProducer(t, topic)
		ctx := testContext(t)
		far := int32(9)
		answers := make(chan error, 3)
		for _, m := range []goclient.Message{{Value: []byte("1")}, {Value: []byte("2"), Partition: &far}, {Value: []byte("3")}} {
			if err := w.Enqueue(ctx, m, func(_ goclient.Ack, err error) { answers <- err }); err != nil {
				t.Fatal(err)
			}
		}
		first, second, third := <-answers, <-answers, <-answers
		var refused *goclient.Error
		if first != nil || third != nil || !errors.As(second, &refused) || refused.Code != "INVALID_PARTITION" {
			t.Errorf("got %v, %v, %v", first, second, third)
		}
	})
}

// TestTheGoClientLosesNothingWhileConnectionsAreCut has a producer whose connections are cut again and again by a relay.
func TestTheGoClientLosesNothingWhileConnectionsAreCut(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		p := k.run(t)
		link := newRelay(t, p.addr)
		w := p.goClient(t, func(o *goclient.Options) { o.URL = "ws://" + link.addr }).Producer(goclient.ProducerOptions{Topic: topic, MaxInFlight: 200})
		defer w.Close()
		ctx := testContext(t)
		const count, cuts = 3000, 6
		var acked atomic.Int32
		var failed atomic.Pointer[error]
		for i := range count {
			if i%(count/cuts) == count/cuts/2 {
				link.cut()
			}
			m := goclient.Message{Value: []byte(fmt.Sprint(i)), Key: []byte{byte('a' + i%7)}}
			if err := w.Enqueue(ctx, m, func(_ goclient.Ack, err error) {
				if err != nil {
					failed.Store(&err)
				}
				acked.Add(1)
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		if err := failed.Load(); err != nil || acked.Load() != count {
			t.Fatalf("%d of %d were answered, one by %v", acked.Load(), count, err)
		}
		got := map[string]int{}
		for _, r := range k.records(t, topic) {
			got[string(r.Value)]++
		}
		if len(got) != count {
			t.Errorf("%d of %d acknowledged messages are in Kafka", len(got), count)
		}
		if link.dialled() < cuts {
			t.Errorf("the producer has connected %d times", link.dialled())
		}
	})
}

// TestTheGoClientLearnsWhyItMayNotGoOn from refusals that another try cannot change.
func TestTheGoClientLearnsWhyItMayNotGoOn(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=ada", "BASIC_AUTH_PASSWORD=secret")
		known := func(o *goclient.Options) { o.User, o.Password = "ada", "secret" }
		ctx := testContext(t)
		for name, test := range map[string]struct {
			change func(*goclient.Options)
			topic  string
			code   string
			status int
		}{
			"no credentials": {func(*goclient.Options) {}, topic, "NOT_AUTHENTICATED", http.StatusUnauthorized},
			"a bad token":    {func(o *goclient.Options) { o.Token = goclient.StaticToken("x") }, topic, "NOT_AUTHENTICATED", http.StatusUnauthorized},
			"no topic":       {known, "nothing", "TOPIC_NOT_FOUND", http.StatusBadRequest},
		} {
			t.Run(name, func(t *testing.T) {
				c := p.goClient(t, test.change)
				var e *goclient.Error
				for _, err := range c.Consume(ctx, goclient.ConsumeOptions{Topic: test.topic}) {
					if !errors.As(err, &e) || e.Code != test.code || e.Status != test.status {
						t.Errorf("the consumer has %v", err)
					}
				}
				w := c.Producer(goclient.ProducerOptions{Topic: test.topic})
				defer w.Close()
				if _, err := w.Send(ctx, goclient.Message{}); !errors.As(err, &e) || e.Code != test.code {
					t.Errorf("the producer has %v", err)
				}
			})
		}
		t.Run("what is not a proxy", func(t *testing.T) {
			c := p.goClient(t, known, func(o *goclient.Options) { o.URL = "ws://" + p.addr + "/elsewhere" })
			for _, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}}) {
				var e *goclient.Error
				if !errors.As(err, &e) || e.Status != http.StatusNotFound {
					t.Errorf("got %v", err)
				}
			}
		})
		t.Run("credentials that are right", func(t *testing.T) {
			w := p.goClient(t, known).Producer(goclient.ProducerOptions{Topic: topic})
			defer w.Close()
			if _, err := w.Send(ctx, goclient.Message{Value: []byte("v")}); err != nil {
				t.Error(err)
			}
		})
	})
}

// TestTheGoClientTellsWhichMessageIsTooLong for the proxy, and has the others written.
func TestTheGoClientTellsWhichMessageIsTooLong(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "MAX_MESSAGE_BYTES=4KiB")
		w := p.goProducer(t, topic)
		ctx := testContext(t)
		const count, long = 60, 30
		errs := make([]error, count)
		for i := range count {
			size := 1000
			if i == long {
				size = 5000
			}
			m := goclient.Message{Value: []byte(strings.Repeat("x", size))}
			if err := w.Enqueue(ctx, m, func(_ goclient.Ack, err error) { errs[i] = err }); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		for i, err := range errs {
			var e *goclient.Error
			if i == long && (!errors.As(err, &e) || e.Code != "MESSAGE_TOO_LARGE") || i != long && err != nil {
				t.Errorf("message %d: %v", i, err)
			}
		}
		seen := 0
		for _, r := range k.records(t, topic) {
			if len(r.Value) == 1000 {
				seen++
			}
		}
		if seen < count-1 {
			t.Errorf("%d messages are in Kafka", seen)
		}
	})
}

// TestTheGoClientIsSlowedDownByItsWindow has a producer whose Kafka is away.
func TestTheGoClientIsSlowedDownByItsWindow(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t)
		w := p.goClient(t).Producer(goclient.ProducerOptions{Topic: topic, MaxInFlight: 3})
		defer w.Close()
		ctx := testContext(t)
		if _, err := w.Send(ctx, goclient.Message{}); err != nil {
			t.Fatal(err)
		}
		p.kafka.shut(true)
		var answered sync.WaitGroup
		for range 3 {
			answered.Add(1)
			if err := w.Enqueue(ctx, goclient.Message{}, func(goclient.Ack, error) { answered.Done() }); err != nil {
				t.Fatal(err)
			}
		}
		full, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := w.Enqueue(full, goclient.Message{}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the fourth is taken: %v", err)
		}
		p.kafka.unlock()
		answered.Wait()
	})
}
