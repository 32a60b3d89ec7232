package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

// TestTailOutlivesOneOfItsTopics deletes them one after the other.
func TestTailOutlivesOneOfItsTopics(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		first, second := k.topic(t, 2), k.topic(t, 1)
		c := k.run(t).tail(t, first+","+second)
		k.mark(t, first, "a")
		k.mark(t, second, "a")
		c.records(2)
		k.delete(t, first)
		if f := c.refusal("TOPIC_NOT_FOUND"); !strings.Contains(f.Message, first) {
			t.Errorf("the message is %q", f.Message)
		}
		k.mark(t, second, "b")
		if f := c.expect("record"); f.Topic != second {
			t.Errorf("got %s", f.text)
		}
		k.delete(t, second)
		frames := c.ended(4404)
		told := false
		for _, f := range frames {
			told = told || f.Error != nil && f.Error.Code == "TOPIC_NOT_FOUND"
		}
		if !told {
			t.Errorf("before the close came %v", frames)
		}
	})
}

func TestTailGoesOnInATopicThatIsMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other := k.topic(t, 1), k.topic(t, 1)
		c := k.run(t).tail(t, topic+","+other)
		for range 3 {
			k.mark(t, topic, "old")
		}
		c.records(3)
		k.again(t, topic, 1)
		k.produce(t, topic, numbered(0, 2, 1, 0)...)
		if f := c.expect("gap"); f.Gap.Reason != "RECREATED" || f.Gap.Topic != topic || f.Gap.Partition != 0 {
			t.Errorf("got %s", f.text)
		}
		for i, f := range c.records(2) {
			if f.Topic != topic || f.Offset != int64(i) || string(f.Value.Value) != fmt.Sprintf(`"%d"`, i) {
				t.Errorf("record %d is %s", i, f.text)
			}
		}
		k.mark(t, other, "a")
		if f := c.expect("record"); f.Topic != other {
			t.Errorf("got %s", f.text)
		}
	})
}

// TestTailReadsPartitionsThatAreAdded from their begin.
func TestTailReadsPartitionsThatAreAdded(t *testing.T) {
	const added = 2
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic)
		k.addPartitions(t, topic, added)
		eventually(t, "the new partitions take records", func() bool {
			k.client.ForceMetadataRefresh()
			return k.client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: added, Value: []byte("first")}).FirstErr() == nil
		})
		l := newLedger(1 + added)
		for partition := range int32(1 + added) {
			k.produce(t, topic, &kgo.Record{Partition: partition, Value: []byte("mark")})
		}
		l.follow(c, map[int32]int64{0: 1, 1: 1, added: 2})
		if len(l.gaps) > 0 {
			t.Errorf("gaps were told: %v", l.gaps)
		}
	})
}

// TestTailLogTruncatedUnderIt deletes records that a tail has still before it, which then are in a gap.
func TestTailLogTruncatedUnderIt(t *testing.T) {
	const count, kept = 60, 50
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t, "TAIL_BUFFER_BYTES=1MiB")
		for range count {
			k.produce(t, topic, &kgo.Record{Value: []byte(incompressible(100_000))})
		}
		c, l := p.tail(t, topic, "from=earliest", "rate=10"), newLedger(1)
		l.follow(c, map[int32]int64{0: 1})
		k.truncate(t, topic, kept)
		l.follow(c, map[int32]int64{0: count})
		if l.records < count-kept {
			t.Errorf("%d records came", l.records)
		}
		for _, gap := range l.gaps {
			if gap.Reason != "EXPIRED" || gap.To != kept {
				t.Errorf("got the gap %+v", gap)
			}
		}
		if len(l.gaps) == 0 {
			t.Error("all that was deleted was delivered: the test shows nothing")
		}
	})
}

func TestTailReadCommittedHidesWhatIsNotCommitted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		all, committed := p.tail(t, topic), p.tail(t, topic, "isolationLevel=read_committed") // at the ring's end
		end := transactions(t, k, topic)
		late := p.tail(t, topic, "isolationLevel=read_committed", "from=earliest")
		if got := fmt.Sprint(all.values(3)); got != `["aborted" "committed" "open"]` {
			t.Errorf("read_uncommitted sees %s", got)
		}
		for _, c := range []*tail{committed, late} {
			if got := fmt.Sprint(c.values(1)); got != `["committed"]` {
				t.Errorf("read_committed sees %s", got)
			}
		}
		latest := p.tail(t, topic, "isolationLevel=read_committed")
		end()
		k.mark(t, topic, "a")
		for _, c := range []*tail{committed, late} {
			if got := fmt.Sprint(c.values(2)); got != `["open" "mark"]` {
				t.Errorf("after the last transaction's end read_committed sees %s", got)
			}
		}
		if got := latest.until(func(f *tailFrame) bool { return f.Value != nil && string(f.Value.Value) == `"mark"` }); records(got) > 1 {
			t.Errorf("before the mark came %v", got)
		}
	})
}

func TestTailsCountAsConnections(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "MAX_CONNECTIONS=2")
		c := p.tail(t, topic)
		p.in(t, topic)
		got := p.upgrade(t, tailPath(topic))
		if f := got.failure(t); got.status != 503 || f.Code != "OVERLOADED" || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %+v, Retry-After %q", got.status, f, got.header.Get("Retry-After"))
		}
		c.close()
		eventually(t, "the place is free", func() bool { return p.upgrade(t, tailPath(topic)).status == 101 })
		users := newFile(t, htpasswd(t, "alice", "a")+htpasswd(t, "bob", "b"))
		p = k.start(t, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_HTPASSWD_FILE="+users.path, "MAX_CONNECTIONS_PER_SUBJECT=1")
		newTail(p.dialAs(t, basic("alice", "a"), tailPath(topic)))
		got = p.upgrade(t, tailPath(topic), "Authorization", basic("alice", "a"))
		if f := got.failure(t); got.status != 429 || f.Code != "LIMIT_REACHED" || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %+v, Retry-After %q", got.status, f, got.header.Get("Retry-After"))
		}
		newTail(p.dialAs(t, basic("bob", "b"), tailPath(topic)))
		if got := p.upgrade(t, tailPath(topic)); got.status != 401 || got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("without credentials: %d %s", got.status, got.body)
		}
	})
}

// TestTailsShareAClientID, since they have no session.
func TestTailsShareAClientID(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		var tails []*tail
		for range 5 { // more than partitions
			tails = append(tails, k.run(t).tail(t, topic, "clientId=c"))
		}
		k.mark(t, topic, "a")
		for _, c := range tails {
			c.records(1)
		}
	})
}

func TestTailsAreKeptAlive(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "PING_INTERVAL=200ms", "PONG_TIMEOUT=5s") // a busy machine stops the client for a second or two
		answers, silent := p.raw(t, tailPath(topic)), p.raw(t, tailPath(topic))
		for range 30 {
			answers.send(opPong, answers.until(opPing))
		}
		answers.send(opPing, "hello")
		if got := answers.until(opPong); got != "hello" {
			t.Errorf("a ping is answered by %q", got)
		}
		silent.until(opPing)
		for {
			if _, _, err := silent.next(); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("a silent client is not dropped")
			} else if err != nil {
				break
			}
		}
		answers = p.raw(t, tailPath(topic))
		answers.send(opClose, "\x03\xe8bye")
		if got := answers.until(opClose); got[:2] != "\x03\xe8" {
			t.Errorf("a close is answered by %q", got)
		}
	})
}

// TestAdminCountsTails per topic, and lists none alone.
func TestAdminCountsTails(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other := k.topic(t, 1), k.topic(t, 1)
		p := k.start(t, "SESSION_STATE_TOPIC="+shared.run+"."+unique("sessions"), "ADMIN_ENDPOINT_ENABLED=true")
		counts := func(topic string) (int, bool) {
			got := p.admin(t, "GET", "/admin/sessions", "")
			if got.status != 200 {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			return countOf(parse[any](t, got.body), topic)
		}
		tails := []*tail{p.tail(t, topic), p.tail(t, topic), p.tail(t, topic+","+other)}
		eventually(t, "the tails are counted", func() bool {
			first, _ := counts(topic)
			second, _ := counts(other)
			return first == 3 && second == 1
		})
		for _, c := range tails {
			c.close()
		}
		eventually(t, "none is counted anymore", func() bool {
			first, _ := counts(topic)
			second, _ := counts(other)
			return first == 0 && second == 0
		})
	})
}

// countOf finds the number that stands beside a topic's name in a document, or under it.
func countOf(node any, topic string) (count int, found bool) {
	switch node := node.(type) {
	case []any:
		for _, each := range node {
			if count, found = countOf(each, topic); found {
				return count, true
			}
		}
	case map[string]any:
		if n, is := node[topic].(float64); is {
			return int(n), true
		}
		for _, value := range node {
			if n, is := value.(float64); is && node["topic"] == topic {
				return int(n), true
			}
		}
		for _, value := range node {
			if count, found = countOf(value, topic); found {
				return count, true
			}
		}
	}
	return 0, false
}

// TestTailsAreCounted in the metrics, by direction and payload.
func TestTailsAreCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t)
		c := p.tail(t, topic)
		for range 5 {
			k.mark(t, topic, "a")
		}
		c.records(5)
		eventually(t, "the records are counted", func() bool {
			return p.metric(t, `wsproxy_connections{direction="tail",payload="json"}`) == 1 &&
				p.metric(t, fmt.Sprintf(`wsproxy_records_delivered_total{topic=%q}`, topic)) == 5
		})
		c.close()
		eventually(t, "the close is counted", func() bool {
			return p.metric(t, `wsproxy_connections{direction="tail",payload="json"}`) == 0 &&
				p.metric(t, `wsproxy_connections_closed_total{code="1000",direction="tail"}`) == 1
		})
	})
}

// TestTailIsSpecified like the other sockets.
func TestTailIsSpecified(t *testing.T) {
	t.Parallel()
	names := specified().sockets.Names("/socket/tail")
	if len(names) == 0 {
		t.Error("api/asyncapi.yaml has no messages of /socket/tail")
	}
	for _, example := range []string{
		`{"tail":{"topics":[{"topic":"prices","partitions":4}]}}`,
		`{"tail":{"topics":[{"topic":"prices","partitions":4}],"resumed":true}}`,
		`{"tail":{"topics":[{"topic":"prices","partitions":4}],"resumed":false,"reason":"EXPIRED"}}`,
		`{"gap":{"topic":"prices","partition":2,"from":100,"to":180,"reason":"SLOW"}}`,
		`{"conflated":{"topic":"prices","records":412}}`,
		`{"snapshot":{"topic":"prices","state":"begin"}}`,
		`{"snapshot":{"topic":"prices","state":"end","keys":8123}}`,
		`{"cursor":"x"}`,
		`{"error":{"code":"LIMIT_REACHED","message":"m","retriable":true}}`,
		`{"auth":{"expiresAt":1}}`,
	} {
		if _, err := specified().sockets.Received("/socket/tail", json.RawMessage(example)); err != nil {
			t.Error(err)
		}
	}
	for _, example := range []string{
		asking("subscribe", "orders", `"from":"latest"`, keysOf("u7"), `"where":{"json":"/a","eq":1}`, `"snapshot":true`),
		asking("unsubscribe", "orders"), asking("track", "prices", keysOf("IBM")), asking("untrack", "prices", keysOf("IBM")), `{"credit":1}`, renewal("x"),
	} {
		if _, err := specified().sockets.Sent("/socket/tail", []byte(example)); err != nil {
			t.Error(err)
		}
	}
	if !slices.ContainsFunc(specified().http.Answers(), func(a spec.Answer) bool { return a.Path == "/socket/tail" }) {
		t.Error("api/openapi.yaml lacks /socket/tail")
	}
}

// TestDrainRefusesTails at once.
func TestDrainRefusesTails(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "SHUTDOWN_GRACE=10s")
		c := p.raw(t, target("/socket/out", topic, nil))
		k.mark(t, topic, "a")
		ping := c.until(opPing) // not answered: the drain waits
		wait := p.shutdown()
		defer wait()
		var got response
		eventually(t, "new tails are refused", func() bool {
			got = p.upgrade(t, tailPath(topic))
			return got.status != 101
		})
		if f := got.failure(t); got.status != 503 || f.Code != "SHUTTING_DOWN" || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %+v", got.status, f)
		}
		c.send(opPong, ping)
	})
}

// TestDrainOfTailsIsQuick, also where some do not read.
func TestDrainOfTailsIsQuick(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 8000, 1, 1000)...)
		p := k.start(t, "SHUTDOWN_GRACE=5s")
		stuck := p.raw(t, tailPath(topic, "from=earliest"))
		stuck.until(opText)
		c := p.tail(t, topic)
		began := time.Now()
		p.app.Shutdown()
		c.ended(1012)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the shutdown took %v with a grace of 5s", took)
		}
	})
}
