package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// dated makes records of two partitions, a second apart in each.
func dated(count int, from time.Time) []*kgo.Record {
	records := numbered(0, 2*count, 2, 0)
	for i, r := range records {
		r.Timestamp = from.Add(time.Duration(i/2) * time.Second)
	}
	return records
}

// TestTailStartsWhereItIsTold opens tails of a topic whose two partitions have ten records each, and writes one more
// into each. Wanted are the first offsets.
func TestTailStartsWhereItIsTold(t *testing.T) {
	began := time.Now().Add(-time.Hour).Truncate(time.Second) // within the topic's retention
	at := func(seconds int) string {
		return fmt.Sprintf("timestamp:%d", began.Add(time.Duration(seconds)*time.Second).UnixMilli())
	}
	both := func(offset int64) map[int32]int64 { return map[int32]int64{0: offset, 1: offset} }
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		k.produce(t, topic, dated(10, began)...)
		wanted := map[string]map[int32]int64{
			"": both(10), "latest": both(10), "earliest": both(0),
			"last:0": both(10), "last:1": both(9), "last:3": both(7), "last:10": both(0), "last:11": both(0),
			"last:1000000000000000000": both(0),
			at(0):                      both(0), at(4): both(4), at(9): both(9), at(10): both(10), "timestamp:0": both(0), "timestamp:4102444800000": both(10),
			"offset:1:0": {1: 0}, "offset:1:4": {1: 4}, "offset:0:9": {0: 9}, "offset:0:10": {0: 10},
		}
		tails := make(map[string]*tail)
		for from := range wanted {
			tails[from] = k.run(t).tail(t, topic, "from="+from)
		}
		k.produce(t, topic, numbered(20, 2, 2, 0)...)
		for from, want := range wanted {
			l := &ledger{next: want}
			count := 0
			for partition, first := range want {
				count += int(11 - first)
				want[partition] = first
			}
			for _, f := range tails[from].records(count) {
				if _, wants := want[f.Partition]; !wants {
					t.Errorf("from=%s: a record of partition %d", from, f.Partition)
				}
				if err := l.note(&f); err != nil {
					t.Errorf("from=%s: %v", from, err)
				}
			}
		}
		// What is written later comes too, and from the partition alone that was asked for.
		k.produce(t, topic, &kgo.Record{Partition: 0, Value: []byte("0")})
		k.produce(t, topic, &kgo.Record{Partition: 1, Value: []byte("1")})
		if got := tails["offset:1:4"].values(1); got[0] != `"1"` {
			t.Errorf("the tail of partition 1 gets %s", got)
		}
	})
}

func TestTailParametersThatAreRefused(t *testing.T) {
	topics := make([]string, 17)
	for i := range topics {
		topics[i] = fmt.Sprintf("t%d", i)
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		p := k.run(t)
		for name, values := range map[string][]string{
			"from": {
				"first", "last", "last:", "last:-1", "last:x", "last:1.0", "last:1e18", "last: 1", "timestamp", "timestamp:", "timestamp:x", "timestamp:1.5",
				"offset", "offset:0", "offset:0:", "offset::1", "offset:0:-1", "offset:-1:0", "offset:x:1", "offset:0:1e3", "offset:0:9223372036854775808", "latest:1",
			},
			"cursors": {"-1", "x", "1.5", "9223372036854775808"}, "every": {"-1", "x", "1.5"}, "slow": {"fast", "waits"}, "snapshot": {"maybe"}, "batch": {"maybe"},
			"credit": {"-1", "x", "1.5", "9223372036854775808"}, "rate": {"0", "-1", "x"}, "maxMessageBytes": {"x", "-1"},
			"isolationLevel": {"serializable"}, "keyType": {"integer"}, "valType": {"text"}, "longs": {"big"}, "socketPayload": {"xml"},
			"where": {"x", "{}", "[]", "1", `{"json":"/a"}`, `{"json":"a","eq":1}`, `{"json":"/a","like":1}`, `{"and":[]}`, `{"json":"/a","gt":"1"}`},
			"token": {"x"},
		} {
			for _, value := range values {
				p.refusesTail(t, 400, "INVALID_PARAMETER", name, topic, name+"="+value)
			}
		}
		p.refusesTail(t, 400, "MISSING_PARAMETER", "topic", "")
		p.refusesTail(t, 400, "INVALID_PARAMETER", "topic", topic, "topic="+topic)
		p.refusesTail(t, 400, "INVALID_PARAMETER", "topic", "a b")
		p.refusesTail(t, 400, "", "", strings.Join(topics, ","))
		p.refusesTail(t, 400, "", "", topic, "from=offset:2:0") // there is no such partition
		p.refusesTail(t, 400, "OFFSET_OUT_OF_RANGE", "", topic, "from=offset:0:1")
		p.refusesTail(t, 400, "OFFSET_OUT_OF_RANGE", "", topic, "from=offset:0:9223372036854775807")
		p.refusesTail(t, 400, "INVALID_PARAMETER", "", topic+","+k.topic(t, 1), "from=offset:0:0")
		p.refusesTail(t, 400, "INVALID_PARAMETER", "", topic, "batch=true", "socketPayload=avro")
		p.refusesTail(t, 400, "INVALID_PARAMETER", "", topic, "maxMessageBytes=2000", "socketPayload=avro") // as on /socket/out
		p.refusesTail(t, 403, "NOT_AUTHORIZED", "", "__consumer_offsets")
		p.refusesTail(t, 403, "NOT_AUTHORIZED", "", topic+",__consumer_offsets")
		if got := p.get(t, tailPath(topic)); got.status != http.StatusUpgradeRequired || got.failure(t).Code != "UPGRADE_REQUIRED" {
			t.Errorf("a plain request gets %d %s", got.status, got.body)
		}
	})
}

// TestTailOfAnUnknownTopic is refused as on /socket/out, with a known topic beside it too.
func TestTailOfAnUnknownTopic(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.run(t)
		for _, topic := range []string{"no-such-topic", k.topic(t, 1) + ",no-such-topic", "no-such-topic," + k.topic(t, 1)} {
			p.refusesTail(t, 400, "TOPIC_NOT_FOUND", "no-such-topic", topic)
			c := p.dial(t, tailPath(topic, "handshakeErrors=close"))
			c.refusal("TOPIC_NOT_FOUND")
			c.ended(4404)
		}
		c := p.dial(t, tailPath(k.topic(t, 1), "handshakeErrors=close", "from=x"))
		c.refusal("INVALID_PARAMETER")
		c.ended(4400)
		if topics, err := k.admin.ListTopics(t.Context()); err != nil || topics.Has("no-such-topic") {
			t.Errorf("the proxy made a topic: %v", err)
		}
	})
}

func TestTailOfSeveralTopics(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		one, four := k.topic(t, 1), k.topic(t, 4)
		k.produce(t, one, numbered(0, 8, 1, 0)...)
		k.produce(t, four, numbered(0, 8, 4, 0)...)
		for _, parameters := range [][]string{nil, {"clientId=c", "unknown=x"}} {
			c := k.run(t).tail(t, one+","+four, append(parameters, "from=earliest")...)
			topics := c.opened.Tail.Topics
			slices.SortFunc(topics, func(a, b tailTopic) int { return a.Partitions - b.Partitions })
			if c.opened.kind() != "tail" || c.opened.Tail.Resumed != nil || !slices.Equal(topics, []tailTopic{{one, 1}, {four, 4}}) {
				t.Errorf("the first frame is %s", c.opened.text)
			}
			ledgers := map[string]*ledger{one: newLedger(1), four: newLedger(4)}
			for _, f := range c.records(16) {
				if err := ledgers[f.Topic].note(&f); err != nil {
					t.Error(err)
				}
			}
		}
		var most []string
		for range 16 {
			most = append(most, k.topic(t, 1))
		}
		if c := k.run(t).tail(t, strings.Join(most, ",")); len(c.opened.Tail.Topics) != 16 {
			t.Errorf("the first frame is %s", c.opened.text)
		}
	})
}

// TestTailStartsInALogThatWasCut tells a gap only where a record was asked for that is gone.
func TestTailStartsInALogThatWasCut(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		k.truncate(t, topic, 7)
		for _, from := range []string{"earliest", "last:20", "timestamp:0", "offset:0:7"} {
			if f := k.run(t).tail(t, topic, "from="+from).expect("record"); f.Offset != 7 {
				t.Errorf("from=%s starts with %s", from, f.text)
			}
		}
		c := k.run(t).tail(t, topic, "from=offset:0:3")
		if got := *c.expect("gap").Gap; got != (tailGap{topic, 0, 3, 7, "EXPIRED"}) {
			t.Errorf("got the gap %+v", got)
		}
		if f := c.records(3)[0]; f.Offset != 7 {
			t.Errorf("after the gap comes %s", f.text)
		}
	})
}
