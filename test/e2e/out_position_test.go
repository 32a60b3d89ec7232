package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestOutStartsAtTheEarliestRecordByDefault(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		k.produce(t, topic, numbered(0, 10, 2, 0)...)
		for _, parameters := range [][]string{nil, {"offsetResetStrategy=earliest"}, {"offsetResetStrategy=EARLIEST"}} {
			next := make(map[int32]int64)
			for _, d := range k.run(t).out(t, topic, parameters...).deliveries(10) {
				if d.Offset != next[d.Partition] {
					t.Errorf("%v: partition %d delivers %d, want %d", parameters, d.Partition, d.Offset, next[d.Partition])
				}
				next[d.Partition]++
			}
		}
	})
}

func TestOutGroupIsNamedAfterTheClientByDefault(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, client := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		c := k.run(t).out(t, topic, "clientId="+client)
		c.deliveries(3)
		go func() { _, _ = c.next() }() // answers the ping
		k.awaitCommit(t, client+"-group", topic, 3)
	})
}

func TestOutLatestCommitsThePositionItFound(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		c := k.run(t).raw(t, target("/socket/out", topic, []string{"clientId=same", "groupId=" + group, "offsetResetStrategy=latest"}))
		k.awaitCommit(t, group, topic, 5)
		c.reset() // before its first record
		k.produce(t, topic, numbered(5, 5, 1, 0)...)
		again := k.run(t).out(t, topic, "clientId=same", "groupId="+group, "offsetResetStrategy=latest")
		if d := again.delivery(); d.Offset != 5 {
			t.Errorf("the client that returns starts at %d, want 5", d.Offset)
		}
	})
}

func TestOutCommittedPositionWinsOverTheStrategy(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		for _, strategy := range []string{"earliest", "latest", "none"} {
			group := k.group()
			k.commit(t, group, topic, 4)
			if d := k.run(t).out(t, topic, "groupId="+group, "offsetResetStrategy="+strategy).delivery(); d.Offset != 4 {
				t.Errorf("%s: starts at %d, want 4", strategy, d.Offset)
			}
		}
	})
}

func TestOutNoneWithoutAnOffsetClosesWith4400(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, beyond := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		k.commit(t, beyond, topic, 1000)
		for name, group := range map[string]string{"no offset": k.group(), "an offset beyond the end": beyond} {
			c := k.run(t).out(t, topic, "groupId="+group, "offsetResetStrategy=none")
			frames := c.ended(4400)
			if len(frames) != 1 || parse[delivery](t, frames[0]).Error == nil || parse[delivery](t, frames[0]).Error.Code != "OFFSET_OUT_OF_RANGE" {
				t.Errorf("%s: got %v", name, frames)
			}
		}
	})
}

// TestOutOffsetBeyondTheEndStartsByTheStrategy also checks that commits return to offsets that the log
// has.
func TestOutOffsetBeyondTheEndStartsByTheStrategy(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, groups := k.topic(t, 1), []string{k.group(), k.group()}
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		for _, group := range groups {
			k.commit(t, group, topic, 1000)
		}
		committed := func(group string) func() bool {
			return func() bool { return k.committed(t, group, topic)[0] == 3 }
		}
		auto := k.run(t).out(t, topic, "groupId="+groups[0])
		if d := auto.deliveries(3)[0]; d.Offset != 0 {
			t.Errorf("starts at %d, want 0", d.Offset)
		}
		go func() { _, _ = auto.next() }() // answers the ping
		eventually(t, "what was delivered is committed", committed(groups[0]))
		manual := k.run(t).out(t, topic, "groupId="+groups[1], "autoCommit=false")
		manual.send(commitOf(manual.deliveries(3)[2]))
		eventually(t, "what the client commits is", committed(groups[1]))
	})
}

// transactions writes an aborted transaction, then a committed one, and leaves a third open
// until the returned function ends it.
func transactions(t *testing.T, k *cluster, topic string) (end func()) {
	t.Helper()
	producer, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.TransactionalID(unique("transaction")+shared.run),
		kgo.DefaultProduceTopic(topic), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(producer.Close)
	write := func(value string) {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	finish := func(how kgo.TransactionEndTry) {
		if err := producer.EndTransaction(context.WithoutCancel(t.Context()), how); err != nil {
			t.Error(err)
		}
	}
	write("aborted")
	finish(kgo.TryAbort)
	write("committed")
	finish(kgo.TryCommit)
	write("open")
	return func() { finish(kgo.TryCommit) }
}

func TestOutReadCommittedHidesWhatIsNotCommitted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		end := transactions(t, k, topic)
		seen := func(c *client, count int) string {
			var values []string
			for _, d := range c.deliveries(count) {
				values = append(values, strings.Trim(string(d.Value.Value), `"`))
			}
			return fmt.Sprint(values)
		}
		all := k.run(t).out(t, topic)
		if got := seen(all, 3); got != "[aborted committed open]" {
			t.Errorf("read_uncommitted sees %s", got)
		}
		committed := k.run(t).out(t, topic, "isolationLevel=read_committed")
		if got := seen(committed, 1); got != "[committed]" {
			t.Errorf("read_committed sees %s", got)
		}
		end()
		if got := seen(committed, 1); got != "[open]" {
			t.Errorf("after the last transaction's end read_committed sees %s", got)
		}
	})
}
