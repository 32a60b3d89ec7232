package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// transacting starts a proxy that allows transactions.
func (k *cluster) transacting(t *testing.T, settings ...string) *proxy {
	t.Helper()
	return k.start(t, append(settings, "PRODUCER_EXACTLY_ONCE_ENABLED=true")...)
}

// inTransactions opens /socket/in with a clientId and instanceId that are the test's own.
func (p *proxy) inTransactions(t *testing.T, topic, name string) *client {
	t.Helper()
	return p.in(t, topic, "transactional=true", "clientId="+topic, "instanceId="+name)
}

// transact sends a message until its transaction is committed: Kafka may not be there yet, or the machine be busy.
func (c *client) transact(message string) {
	c.t.Helper()
	eventually(c.t, "a transaction is committed", func() bool {
		c.send(message)
		frame := c.read()
		a := parse[answer](c.t, frame)
		if a.Error != nil {
			retriable(c.t, frame, "TRANSACTION_ABORTED")
		}
		return a.Error == nil
	})
}

// committed reads through the proxy as a client with isolationLevel=read_committed.
func (p *proxy) committed(t *testing.T, k *cluster, topic string, count int) []string {
	t.Helper()
	c := p.out(t, topic, "groupId="+k.group(), "isolationLevel=read_committed")
	var values []string
	for _, d := range c.deliveries(count) {
		values = append(values, textOf(t, d.Value.Value))
	}
	c.close()
	return values
}

func textOf(t *testing.T, value json.RawMessage) string {
	t.Helper()
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		t.Fatalf("%s is no string: %v", value, err)
	}
	return text
}

func numberedMessage(n int) string {
	return fmt.Sprintf(`{"messageId":"%d","value":{"value":"%d"}}`, n, n)
}

// TestTransactions pipelines messages alone and in arrays, with bad ones between.
func TestTransactions(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p, log := startShouting(t, k.addr, []string{"PRODUCER_EXACTLY_ONCE_ENABLED=true"})
		p.awaitReady(t, true)
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(log.String())
			}
		})
		c := p.inTransactions(t, topic, "i")
		var want []string
		const count = 300
		go func() {
			for n := range count {
				switch n % 10 {
				case 3:
					_ = c.write(websocket.MessageText, `{"messageId":"bad","value":{"value":"x"},"partition":7}`)
				case 7:
					_ = c.write(websocket.MessageText, "["+numberedMessage(n)+`,{},`+numberedMessage(n+count)+"]")
				default:
					_ = c.write(websocket.MessageText, numberedMessage(n))
				}
			}
		}()
		last := int64(-1)
		result := func(a answer, n int) {
			if a.Error != nil {
				t.Fatalf("message %d is refused: %+v", n, *a.Error)
			}
			if a.MessageID == nil || *a.MessageID != fmt.Sprint(n) || a.Offset <= last {
				t.Fatalf("message %d is answered %+v, after offset %d", n, a, last)
			}
			last = a.Offset
			want = append(want, fmt.Sprint(n))
		}
		for n := range count {
			switch n % 10 {
			case 3:
				c.refusal("INVALID_PARTITION")
			case 7:
				frame := c.read()
				all := parse[[]answer](t, frame)
				if len(all) != 3 || all[1].Error == nil || all[1].Error.Code != "INVALID_MESSAGE" {
					t.Fatalf("got %s", frame)
				}
				result(all[0], n)
				result(all[2], n+count)
				if all[2].Offset != all[0].Offset+1 {
					t.Errorf("an array is split: %s", frame)
				}
			default:
				result(c.answer(), n)
			}
		}
		if got := p.committed(t, k, topic, len(want)); !slices.Equal(got, want) {
			t.Errorf("readers of committed records see %q", got)
		}
	})
}

func TestTransactionsInAvro(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.transacting(t)
		c := p.avroIn(t, topic, "transactional=true", "instanceId=i")
		c.produce(avroMessage{Value: "first"})
		c.send("text") // Avro messages must be binary
		c.produce(avroMessage{Value: "second"})
		c.result()
		c.failure("INVALID_MESSAGE")
		c.result()
		if got := p.committed(t, k, topic, 2); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("readers of committed records see %q", got)
		}
	})
}

// TestTransactionsAreFenced opens a second connection with the same identity, through another
// replica. What the first has open then is not written.
func TestTransactionsAreFenced(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p, q := k.topic(t, 1), k.transacting(t), k.transacting(t)
		first := p.inTransactions(t, topic, "i")
		first.transact(numberedMessage(1))
		second := q.inTransactions(t, topic, "i")
		second.transact(numberedMessage(2))
		first.send(numberedMessage(3))
		first.refusal("TRANSACTION_ABORTED")
		before := first.ended(4409)
		if len(before) != 1 || parse[answer](t, before[0]).Error.Code != "FENCED" {
			t.Errorf("the first is told %q", before)
		}
		other := p.inTransactions(t, topic, "j") // another identity
		other.transact(numberedMessage(4))
		second.transact(numberedMessage(5))
		if got := p.committed(t, k, topic, 4); !slices.Equal(got, []string{"1", "2", "4", "5"}) {
			t.Errorf("readers of committed records see %q", got)
		}
	})
}

// TestIdleTransactionsAreFenced fences a first connection that no longer sends anything.
func TestIdleTransactionsAreFenced(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.transacting(t)
		first := p.inTransactions(t, topic, "i")
		first.transact(numberedMessage(1))
		second := p.inTransactions(t, topic, "i")
		second.transact(numberedMessage(2))
		first.refusal("FENCED")
		first.ended(4409)
	})
}

// TestTransactionsWithSessions checks that producer sessions decide conflicts of transactional
// connections, too.
func TestTransactionsWithSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.transacting(t, "KAFKA_PRODUCER_SESSIONS_ENABLED=true", "SESSION_STATE_TOPIC="+unique("state")+shared.run, "SESSION_STATE_REPLICATION_FACTOR=1")
		query := []string{"transactional=true", "clientId=c", "instanceId=i"}
		first := p.in(t, topic, query...)
		first.transact(numberedMessage(1))
		second := p.in(t, topic, append(query, "onConflict=takeover")...)
		first.ended(4409)
		second.transact(numberedMessage(2))
		refused := p.upgrade(t, target("/socket/in", topic, append(query, "onConflict=reject")))
		if refused.status != 409 {
			t.Errorf("a third is answered %d %s", refused.status, refused.body)
		}
	})
}

// TestHungTransaction kills a producer in the middle of a transaction: the next connection with the same
// identity ends the transaction, so that readers go on.
func TestHungTransaction(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.transacting(t)
		dead, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.TransactionalID(topic+"/a%2Fb"), kgo.DefaultProduceTopic(topic))
		if err != nil {
			t.Fatal(err)
		}
		if err := dead.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := dead.ProduceSync(t.Context(), kgo.StringRecord("hung")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		dead.Close()
		reader := p.out(t, topic, "groupId="+k.group(), "isolationLevel=read_committed")
		k.produce(t, topic, numbered(1, 1, 1, 0)...)
		p.inTransactions(t, topic, "a/b")
		if got := textOf(t, reader.delivery().Value.Value); got != "1" {
			t.Errorf("the reader sees %q first", got)
		}
	})
}

// testAbortedTransaction makes Kafka unreachable: the transaction is aborted before its messages are
// answered TIMEOUT, and readers see none of them.
func testAbortedTransaction(t *testing.T, k *cluster) {
	topic := k.topic(t, 1)
	p := k.transacting(t, "KAFKA_PRODUCER_DELIVERY_TIMEOUT=2s")
	c := p.inTransactions(t, topic, "i")
	c.transact(`{"value":{"value":"before"}}`)
	p.kafka.shut(false)
	c.send("[" + numberedMessage(1) + "," + patientMessage + "]")
	frame := c.read()
	answers := parse[[]json.RawMessage](t, frame)
	if len(answers) != 2 {
		t.Fatalf("got %s", frame)
	}
	retriable(t, string(answers[0]), "TRANSACTION_ABORTED")
	retriable(t, string(answers[1]), "TRANSACTION_ABORTED")
	p.kafka.unlock()
	c.transact(patientMessage)
	if got := p.committed(t, k, topic, 2); !slices.Equal(got, []string{"before", "patient"}) {
		t.Errorf("readers of committed records see %q", got)
	}
}

// TestTransactionsOutliveAChangedTopic raises and lowers the largest message under an open socket, which
// goes on: messages that Kafka refuses meanwhile are to be sent again.
func TestTransactionsOutliveAChangedTopic(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.transacting(t)
		c := p.inTransactions(t, topic, "i")
		c.send(numberedMessage(1))
		c.ack()
		k.alter(t, topic, "max.message.bytes", "1000")
		large := strings.Repeat("x", 5000)
		want := []string{"1"}
		eventually(t, "a large message is refused beforehand", func() bool {
			c.send(`{"value":{"value":"` + large + `"}}`)
			frame := c.read()
			a := parse[answer](t, frame)
			switch {
			case a.Error == nil: // the brokers do not know the setting yet
				want = append(want, large)
			case a.Error.Code != "MESSAGE_TOO_LARGE":
				retriable(t, frame, "TRANSACTION_ABORTED")
			}
			return a.Error != nil && a.Error.Code == "MESSAGE_TOO_LARGE"
		})
		c.send("[" + numberedMessage(2) + "," + numberedMessage(3) + "]")
		frame := c.read()
		for _, a := range parse[[]answer](t, frame) {
			if a.Error != nil {
				t.Errorf("got %s", frame)
			}
		}
		want = append(want, "2", "3")
		if got := p.committed(t, k, topic, len(want)); !slices.Equal(got, want) {
			t.Errorf("readers of committed records see %q", got)
		}
	})
}

// TestTransactionsOfADeletedTopic tells one message of each transaction what is wrong, and the others that
// they are not written. Once the proxy knows, before it closes the connection, no transaction begins: all messages are
// told.
func TestTransactionsOfADeletedTopic(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.transacting(t).inTransactions(t, topic, "i")
		c.send(numberedMessage(1))
		c.ack()
		k.delete(t, topic)
		closed := make(chan struct{})
		defer close(closed)
		go c.sendEvery(closed, time.Second, "["+numberedMessage(2)+","+numberedMessage(3)+"]")
		missing, told := 0, false
		for _, frame := range c.ended(4404) {
			if !strings.HasPrefix(frame, "[") {
				if f := parse[answer](t, frame).Error; f == nil || f.Code != "TOPIC_NOT_FOUND" {
					t.Errorf("the last frame is %s", frame)
				}
				continue
			}
			var codes []string
			for _, a := range parse[[]answer](t, frame) {
				if a.Error != nil {
					codes = append(codes, a.Error.Code)
				}
			}
			if len(codes) == 0 && !told { // the leader does not know of the deletion yet
				continue
			}
			told = true
			slices.Sort(codes)
			switch strings.Join(codes, " ") {
			case "TOPIC_NOT_FOUND TRANSACTION_ABORTED", "TOPIC_NOT_FOUND TOPIC_NOT_FOUND":
				missing++
			case "TRANSACTION_ABORTED TRANSACTION_ABORTED":
			default:
				t.Errorf("got %s", frame)
			}
		}
		if missing == 0 {
			t.Error("no message was told that the topic is missing")
		}
	})
}
