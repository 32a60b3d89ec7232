package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// messageOf makes a good message that is size bytes long.
func messageOf(size int) string {
	const head, tail = `{"value":{"value":"`, `"}}`
	return head + strings.Repeat("x", size-len(head)-len(tail)) + tail
}

func TestInMessageOfTheLargestSizeIsTakenAndOneByteMoreCloses1009(t *testing.T) {
	const limit = 10_000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, fmt.Sprintf("MAX_MESSAGE_BYTES=%d", limit))
		c := p.in(t, topic)
		c.send(messageOf(limit))
		c.ack()
		c.send(messageOf(limit + 1))
		c.ended(1009)
		if got := len(k.records(t, topic)); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	})
}

func TestInLargestMessageByDefaultIsAMebibyte(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", "2000000")
		c := k.run(t).in(t, topic)
		c.send(messageOf(1 << 20))
		c.ack()
		c.send(messageOf(1<<20 + 1))
		c.ended(1009)
		if got := len(k.records(t, topic)); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	})
}

func TestInMessageInManyFragmentsCountsAsOne(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).raw(t, target("/socket/in", topic, nil))
		message := `{"value":{"value":"ü in pieces"}}`
		for i := range len(message) {
			op := byte(opContinuation)
			if i == 0 {
				op = opText
			}
			c.sendBytes(frame(op, []byte(message[i:i+1])))
			c.send(opPing, "between") // control frames may stand between fragments
		}
		c.sendBytes(frame(final|opContinuation, nil))
		if a := parse[answer](t, c.until(opText)); a.Error != nil {
			t.Errorf("got %+v", a)
		}
		wantBytes(t, "value", k.records(t, topic)[0].Value, []byte("ü in pieces"))
	})
}

func TestInBrokenFramesCloseWithTheirCode(t *testing.T) {
	over := append([]byte{final | opText, masked | 127}, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	cases := []struct {
		name  string
		bytes []byte
		code  int
	}{
		{"text that is not UTF-8", frame(final|opText, []byte("{\"value\":{\"value\":\"\xff\"}}")), 1007},
		{"a surrogate in UTF-8", frame(final|opText, []byte("\"\xed\xa0\x80\"")), 1007},
		{"a frame without a mask", []byte{final | opText, 2, '{', '}'}, 1002},
		{"a reserved opcode", frame(final|0x3, nil), 1002},
		{"a reserved bit", frame(final|0x40|opText, []byte("{}")), 1002},
		{"a continuation of nothing", frame(final|opContinuation, []byte("{}")), 1002},
		{"a ping of 126 bytes", frame(final|opPing, make([]byte, 126)), 1002},
		{"a ping in fragments", frame(opPing, nil), 1002},
		{"a length with its highest bit set", over, 1002},
		{"a length of an exabyte", append([]byte{final | opText, masked | 127}, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1009},
		{"a close code that is not one", frame(final|opClose, []byte{0, 1}), 1002},
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		for _, test := range cases {
			t.Run(test.name, func(t *testing.T) {
				c := k.run(t).raw(t, target("/socket/in", topic, nil))
				c.send(opText, `{"value":null}`)
				c.until(opText)
				c.sendBytes(test.bytes)
				if test.code == 1009 {
					c.sendBytes(make([]byte, 1<<20+1))
				}
				if got := c.closeCode(); got != test.code {
					t.Errorf("closed with %d, want %d", got, test.code)
				}
			})
		}
		if got := len(k.records(t, topic)); got != len(cases) {
			t.Errorf("%d records, want the %d before the broken frames", got, len(cases))
		}
	})
}

func TestInAnswersAreFinishedBeforeABadFrameClosesTheSocket(t *testing.T) {
	const count = 200
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		for range count {
			c.send(`{"value":{"value":"v"}}`)
		}
		c.send("\xff")
		answers := c.ended(1007)
		records := k.records(t, topic)
		if len(answers) > len(records) {
			t.Errorf("%d answers for %d records", len(answers), len(records))
		}
		for i, a := range answers {
			if got := parse[answer](t, a); got.Error != nil || got.Offset != int64(i) {
				t.Errorf("answer %d is %s", i, a)
			}
		}
	})
}

// TestInSizeLimitOfTheTopicIsApplied tolerates the two bytes by which the proxy is stricter than Kafka
// with a record that is alone in its batch.
func TestInSizeLimitOfTheTopicIsApplied(t *testing.T) {
	const limit, smallest, largest = 1000, 880, 960
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", fmt.Sprint(limit))
		c := k.run(t).in(t, topic)
		for size := smallest; size <= largest; size++ {
			c.send(`{"value":{"value":"` + strings.Repeat("x", size) + `"}}`)
		}
		refusedFrom := 0
		for size := smallest; size <= largest; size++ {
			switch a := c.answer(); {
			case a.Error == nil && refusedFrom > 0:
				t.Errorf("a value of %d bytes is taken, one of %d is not", size, refusedFrom)
			case a.Error != nil && (a.Error.Code != "MESSAGE_TOO_LARGE" || a.Error.Retriable):
				t.Errorf("%d bytes: got %+v", size, a.Error)
			case a.Error != nil && refusedFrom == 0:
				refusedFrom = size
			}
		}
		if refusedFrom == 0 || refusedFrom == smallest {
			t.Fatalf("refused from %d bytes on", refusedFrom)
		}
		wantRefusedByKafka(t, k, topic, refusedFrom+2)
	})
}

// wantRefusedByKafka checks that Kafka itself refuses a value of so many bytes in a batch of
// its own, uncompressed.
func wantRefusedByKafka(t *testing.T, k *cluster, topic string, size int) {
	t.Helper()
	plain, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	record := &kgo.Record{Topic: topic, Value: make([]byte, size)}
	if err := plain.ProduceSync(t.Context(), record).FirstErr(); !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("Kafka itself answers %v to %d bytes", err, size)
	}
}

func TestInRaisedLimitsTakeMessagesOfMebibytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", "5000000")
		c := k.start(t, "MAX_MESSAGE_BYTES=4MiB").in(t, topic)
		c.send(messageOf(4 << 20))
		c.ack()
		if got := len(k.records(t, topic)[0].Value); got < 4<<20-100 {
			t.Errorf("Kafka has %d bytes", got)
		}
	})
}

func TestInNullKeyOnACompactedTopicIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "cleanup.policy", "compact")
		c := k.run(t).in(t, topic)
		c.send(`{"key":{"value":"a"},"value":{"value":"1"}}`, `{"value":{"value":"2"}}`, `{"key":{"value":""},"value":null}`)
		c.ack()
		if f := c.refusal("INVALID_VALUE"); !strings.Contains(f.Message, "key") {
			t.Errorf("%q does not name the key", f.Message)
		}
		c.ack()
	})
}

func TestInTimestampBeyondTheTopicsBoundsIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "message.timestamp.after.max.ms", "60000", "message.timestamp.before.max.ms", "60000")
		if !k.real { // kfake knows neither setting: the default of an hour ahead holds
			topic = k.topic(t, 1)
		}
		c := k.run(t).in(t, topic)
		now := time.Now().UnixMilli()
		at := func(ms int64) string { return fmt.Sprintf(`{"timestamp":%d,"value":null}`, now+ms) }
		c.send(at(30_000), at(2*3_600_000), at(-30_000))
		c.ack()
		if f := c.refusal("INVALID_VALUE"); !strings.Contains(f.Message, "timestamp") {
			t.Errorf("%q does not name the timestamp", f.Message)
		}
		c.ack()
		if k.real {
			c.send(at(-120_000))
			c.refusal("INVALID_VALUE")
		}
	})
}

func TestInTopicDeletedUnderAnOpenSocketCloses4404(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).in(t, topic)
		c.send(`{"value":null}`)
		c.ack()
		k.delete(t, topic)
		deleted := stopwatch.Start(t)
		closed := make(chan struct{})
		defer close(closed)
		go c.sendEvery(closed, time.Second, `{"value":null}`)
		missing := 0
		for _, frame := range c.ended(4404) {
			switch f := parse[answer](t, frame).Error; {
			case f == nil && missing == 0: // the controller has deleted the topic, and its leader does not know yet
			case f == nil || f.Code != "TOPIC_NOT_FOUND":
				t.Errorf("got %s for a topic that is deleted", frame)
			default:
				missing++
			}
		}
		if missing < 2 {
			t.Errorf("%d TOPIC_NOT_FOUND, want one for a message and the last before the close", missing)
		}
		if took := deleted.Elapsed(); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		if topics, err := k.admin.ListTopics(t.Context()); err != nil || topics.Has(topic) {
			t.Errorf("the proxy made the topic again: %v, %v", topics.Names(), err)
		}
	})
}

func TestInClientThatReadsNoAnswersIsPushedBack(t *testing.T) {
	const bad, most = `{"value":{"value":1}}`, 64 << 20
	onBoth(t, func(t *testing.T, k *cluster) {
		// The client is blocked within a frame until it has read all answers: it cannot answer a ping.
		c := k.start(t, "PING_INTERVAL=10m").raw(t, target("/socket/in", k.topic(t, 1), nil))
		message := frame(final|opText, []byte(bad))
		messages := bytes.Repeat(message, 100) // one write for each takes a busy machine minutes, and the proxy has patience for two
		var sent int
		for c.conn.SetWriteDeadline(time.Now().Add(2*time.Second)) == nil {
			n, err := c.conn.Write(messages[sent%len(message):])
			sent += n
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil || sent > most {
				t.Fatalf("after %d bytes without reading an answer: %v", sent, err)
			}
		}
		answers := sent / len(message)
		for i := range answers { // pings that lie between them cannot be answered within a frame, either
			if a := parse[answer](t, c.until(opText)); a.Error == nil || a.Error.Code != "INVALID_VALUE" {
				t.Fatalf("answer %d is %+v", i, a)
			}
		}
		c.sendBytes(message[sent%len(message):])
		c.send(opText, `{"messageId":"last","value":null}`)
		c.message()
		if a := parse[answer](t, c.message()); a.MessageID == nil || *a.MessageID != "last" || a.Error != nil {
			t.Errorf("the answer after %d others is %+v", answers+1, a)
		}
	})
}

func TestInCutConnectionsRecordsAreWrittenOnce(t *testing.T) {
	const count = 2000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).raw(t, target("/socket/in", topic, nil))
		var pipeline []byte
		for i := range count {
			pipeline = append(pipeline, frame(final|opText, fmt.Appendf(nil, `{"value":{"value":"%d"}}`, i))...)
		}
		c.sendBytes(pipeline)
		for range 100 {
			c.message()
		}
		c.reset()
		eventually(t, "the records stand still", func() bool {
			before := len(k.records(t, topic))
			return before >= 100 && before == len(k.records(t, topic))
		})
		for i, r := range k.records(t, topic) {
			if string(r.Value) != fmt.Sprint(i) {
				t.Fatalf("record %d is %q", i, r.Value)
			}
		}
	})
}
