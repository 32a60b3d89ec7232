package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// asking is a message of one member that holds a topic and more members, given as JSON.
func asking(verb, topic string, members ...string) string {
	return fmt.Sprintf(`{%q:{%s}}`, verb, strings.Join(append([]string{`"topic":` + quoted(topic)}, members...), ","))
}

// keysOf is the member keys of such a message.
func keysOf(keys ...string) string {
	text, err := json.Marshal(keys)
	if err != nil {
		panic(err) // strings can be encoded
	}
	return `"keys":` + string(text)
}

// subscribed sends a message and reads its answer; records may come before. It sends it again where Kafka does not
// answer the proxy in time.
func (c *tail) subscribed(message string) (answer tailFrame) {
	c.t.Helper()
	c.send(message)
	c.until(func(f *tailFrame) bool {
		answer = *f
		return f.kind() == "error" || f.kind() == "subscribed"
	})
	if answer.Error != nil && answer.Error.Retriable {
		return c.subscribed(message)
	}
	if answer.Error != nil {
		c.t.Fatalf("%.200s is answered by %s", message, answer.text)
	}
	return answer
}

// mark writes a record with a key, whose offset is returned.
func (k *cluster) mark(t *testing.T, topic, key string) int64 {
	t.Helper()
	r := &kgo.Record{Key: []byte(key), Value: []byte("mark")}
	k.produce(t, topic, r)
	return r.Offset
}

func TestTailSubscribesOnTheOpenSocket(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		first, second := k.topic(t, 1), k.topic(t, 2)
		k.produce(t, second, numbered(0, 10, 2, 0)...)
		c := k.run(t).tail(t, first)
		k.mark(t, second, "a") // is not wanted yet
		k.mark(t, first, "a")
		if f := c.expect("record"); f.Topic != first {
			t.Errorf("got %s", f.text)
		}
		if f := c.subscribed(asking("subscribe", second, `"from":"last:2"`)); !strings.Contains(string(f.Subscribed), quoted(second)) {
			t.Errorf("got %s", f.text)
		}
		l := &ledger{next: map[int32]int64{0: 4, 1: 3}} // with the mark partition 0 has six
		for _, f := range c.records(4) {
			if err := l.note(&f); err != nil || f.Topic != second {
				t.Errorf("%v: %s", err, f.text)
			}
		}
		k.mark(t, first, "a")
		if f := c.expect("record"); f.Topic != first {
			t.Errorf("got %s", f.text)
		}
		c.subscribed(asking("unsubscribe", first))
		k.mark(t, first, "a")
		k.mark(t, second, "a")
		if f := c.expect("record"); f.Topic != second {
			t.Errorf("got %s", f.text)
		}
		c.subscribed(asking("subscribe", first)) // from the latest on
		k.mark(t, first, "a")
		if f := c.expect("record"); f.Topic != first || f.Offset != 3 {
			t.Errorf("got %s", f.text)
		}
	})
}

// passes writes a record of each key and then one of the key end, which is wanted always, and checks that those of
// the wanted keys come. All is then behind the tail.
func (c *tail) passes(k *cluster, topic string, keys, wanted []string) {
	c.t.Helper()
	for _, key := range append(keys, "end") {
		k.mark(c.t, topic, key)
	}
	for _, key := range append(wanted, "end") {
		if f := c.expect("record"); f.Key == nil || string(f.Key.Value) != quoted(key) || f.Topic != topic {
			c.t.Fatalf("got %s, want the key %s of %v", f.text, key, wanted)
		}
	}
}

// TestTailKeysThatAreNamedAgain has a client want a key, then all, then the key again: it is given each record once.
func TestTailKeysThatAreNamedAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=a", "key=end")
		for range 3 {
			c.passes(k, topic, []string{"a", "b"}, []string{"a"})
			c.subscribed(asking("subscribe", topic))
			c.passes(k, topic, []string{"a", "b"}, []string{"a", "b"})
			c.subscribed(asking("subscribe", topic, `"keys":["a","end"]`))
		}
	})
}

func TestTailSubscribingAgainReplacesTheFilter(t *testing.T) {
	keys := []string{"a", "b", "c", "d"}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=a", "key=end")
		c.passes(k, topic, keys, []string{"a"})
		for _, test := range []struct {
			members string
			wanted  []string
		}{
			{keysOf("b", "c", "end"), []string{"b", "c"}},
			{keysOf("c", "end") + `,"where":{"header":"x","exists":false}`, []string{"c"}},
			{`"from":"latest"`, keys},
			{keysOf("d", "end"), []string{"d"}},
		} {
			c.subscribed(asking("subscribe", topic, test.members))
			c.passes(k, topic, keys, test.wanted)
		}
	})
}

func TestTailTracksKeys(t *testing.T) {
	keys := []string{"a", "b", "c"}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other := k.topic(t, 1), k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=a", "key=end")
		c.passes(k, topic, keys, []string{"a"})
		c.subscribed(asking("track", topic, keysOf("c", "b")))
		c.passes(k, topic, keys, keys)
		c.subscribed(asking("track", topic, keysOf("b"))) // again
		c.subscribed(asking("untrack", topic, keysOf("a", "b", "never")))
		c.passes(k, topic, keys, []string{"c"})
		c.subscribed(asking("track", topic, keysOf("a")))
		c.passes(k, topic, keys, []string{"a", "c"})
		c.send(asking("track", other, keysOf("a")))
		c.refusal("INVALID_MESSAGE")
		c.subscribed(asking("subscribe", other)) // of all keys
		c.send(asking("track", other, keysOf("a")))
		c.refusal("INVALID_MESSAGE")
		c.passes(k, topic, keys, []string{"a", "c"})
	})
}

func TestTailMessagesThatAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other := k.topic(t, 1), k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=wanted")
		tests := []struct{ message, code string }{
			{"", "INVALID_JSON"},
			{"x", "INVALID_JSON"},
			{`{"subscribe":`, "INVALID_JSON"},
			{"\uFEFF{}", "INVALID_JSON"},
			{strings.Repeat("[", 1<<20), "INVALID_JSON"},
			{"{}", "INVALID_MESSAGE"},
			{"[]", "INVALID_MESSAGE"},
			{"1", "INVALID_MESSAGE"},
			{"null", "INVALID_MESSAGE"},
			{`{"commit":{}}`, "INVALID_MESSAGE"},
			{`{"wsProxyMessageId":"t-0-0-0"}`, "INVALID_MESSAGE"},
			{`{"subscribe":null}`, "INVALID_MESSAGE"},
			{`{"subscribe":[]}`, "INVALID_MESSAGE"},
			{`{"subscribe":{}}`, "INVALID_MESSAGE"},
			{`{"subscribe":{"topic":1}}`, "INVALID_MESSAGE"},
			{asking("subscribe", ""), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"from":"first"`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"from":1`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"keys":"a"`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"keys":[1]`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"where":"x"`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"where":{}`), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"where":`+deepest(9)), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"where":`+widest(65, `{"json":"/a","eq":1}`)), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"where":{"json":"/a","eq":`+quoted(strings.Repeat("x", 1_000_000))+"}"), "INVALID_MESSAGE"},
			{asking("subscribe", other, `"snapshot":"yes"`), "INVALID_MESSAGE"},
			{asking("subscribe", other, keysOf(manyKeys(10_001)...)), "LIMIT_REACHED"},
			{asking("track", topic, keysOf(manyKeys(10_000)...)), "LIMIT_REACHED"}, // besides the one
			{asking("track", topic, `"keys":"b"`), "INVALID_MESSAGE"},
			{asking("subscribe", "no-such-topic"), "TOPIC_NOT_FOUND"},
			{asking("subscribe", "__consumer_offsets"), "NOT_AUTHORIZED"},
		}
		for _, test := range tests {
			if err := c.write(websocket.MessageText, test.message); err != nil {
				t.Fatal(err)
			}
			if f := c.refusal(test.code); len(f.Message) > 1000 {
				t.Errorf("%.100s: the message has %d bytes", test.message, len(f.Message))
			}
		}
		k.mark(t, topic, "b")
		k.mark(t, topic, "wanted")
		if f := c.expect("record"); f.Offset != 1 {
			t.Errorf("got %s", f.text)
		}
		if err := c.write(websocket.MessageBinary, "\xff"); err != nil {
			t.Fatal(err)
		}
		c.refusal("INVALID_JSON")
	})
}

func TestTailLimitsOfSubscriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=a")
		for range 15 {
			c.subscribed(asking("subscribe", k.topic(t, 1), keysOf("a")))
		}
		last := k.topic(t, 1)
		c.send(asking("subscribe", last))
		c.refusal("LIMIT_REACHED")
		c.subscribed(asking("subscribe", topic, keysOf(manyKeys(9_985)...))) // again, with 15 keys of the others
		c.send(asking("track", topic, keysOf("one more")))
		c.refusal("LIMIT_REACHED")
		c.subscribed(asking("unsubscribe", topic))
		c.subscribed(asking("subscribe", last, keysOf("a")))
		k.mark(t, last, "b")
		k.mark(t, last, "a")
		if f := c.expect("record"); f.Offset != 1 || f.Topic != last {
			t.Errorf("got %s", f.text)
		}
	})
}

// TestTailAnswersInTurn sends many messages, good and bad ones, without waiting for an answer.
func TestTailAnswersInTurn(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, over := k.topic(t, 1), make(chan struct{})
		others := []string{k.topic(t, 1), k.topic(t, 1), k.topic(t, 1)}
		c := k.run(t).tail(t, topic, "from=earliest")
		go k.keepWriting(t, topic, over)
		var want []string
		send := func(message, answer string) {
			c.send(message)
			want = append(want, answer)
		}
		for i := range 20 {
			other := others[i%len(others)]
			send(asking("subscribe", other, keysOf("a"), `"from":"earliest"`), "subscribed")
			send("x", "INVALID_JSON")
			send(asking("track", other, keysOf("b")), "subscribed")
			send(asking("subscribe", "no-such-topic"), "TOPIC_NOT_FOUND")
			send(asking("unsubscribe", other), "subscribed")
			send(asking("track", other, keysOf("b")), "INVALID_MESSAGE")
		}
		for i, answer := range want {
			var got string
			c.until(func(f *tailFrame) bool {
				if got = f.kind(); got == "error" {
					got = f.Error.Code
				}
				return got != "record" && got != "cursor"
			})
			if got != answer {
				t.Fatalf("answer %d is %s, want %s", i, got, answer)
			}
		}
		over <- struct{}{}
	})
}

// TestTailOddKeys subscribes to keys that a parameter cannot have.
func TestTailOddKeys(t *testing.T) {
	long := strings.Repeat("k", 1_000_000)
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1, "max.message.bytes", "6000000")
		c := k.run(t).tail(t, topic, "key=none")
		k.produce(t, topic, numbered(0, 1, 1, 0)...) // without a key
		for name, key := range map[string]string{"empty": "", "long": long, "NUL": "\x00", "quotes": `"\`, "newline": "\n\u2028"} {
			c.subscribed(asking("subscribe", topic, keysOf(key)))
			k.mark(t, topic, "x")
			at := k.mark(t, topic, key)
			if f := c.expect("record"); f.Offset != at {
				t.Errorf("%s: got %.300s, want offset %d", name, f.text, at)
			}
		}
		for _, message := range []string{ // a cursor of a megabyte, and half a pair
			asking("subscribe", topic, `"from":"cursor:`+strings.Repeat("A", 1_000_000)+`"`),
			asking("subscribe", topic, `"keys":["\ud800"]`),
		} {
			c.send(message)
			c.until(func(f *tailFrame) bool { return f.kind() == "subscribed" || f.kind() == "error" })
		}
		c.subscribed(asking("subscribe", topic, `"from":"latest"`))
		at := k.mark(t, topic, "last")
		c.until(func(f *tailFrame) bool { return f.kind() == "record" && f.Offset == at })
	})
}

func TestTailTokensAreRenewed(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings()...)
		for _, payload := range []string{"json", "avro"} {
			t.Run(payload, func(t *testing.T) {
				t.Parallel()
				path := tailPath(topic, "socketPayload="+payload)
				end := time.Now().Add(8 * time.Second)
				c := newTail(p.dialAs(t, "Bearer "+i.until("alice", end), path))
				next := time.Now().Add(time.Hour).Truncate(time.Second)
				c.send(renewal(i.until("alice", next)))
				if got, want := c.expect("auth").text, fmt.Sprintf(`{"auth":{"expiresAt":%d}}`, next.UnixMilli()); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				eventually(t, "the first token has expired", func() bool { return time.Now().After(end.Add(time.Second)) })
				c.send(renewal(i.token("alice", nil)))
				c.expect("auth")
				c.send(renewal(i.token("mallory", nil)))
				c.refusal("NOT_AUTHENTICATED")
				c.ended(4401)
				short := newTail(p.dialAs(t, "Bearer "+i.until("alice", time.Now().Add(3*time.Second)), path))
				if frames := short.ended(4401); len(frames) != 1 || frames[0].Error == nil || frames[0].Error.Code != "NOT_AUTHENTICATED" {
					t.Errorf("before its end came %v", frames)
				}
			})
		}
	})
}
