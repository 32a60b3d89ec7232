package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// truncate deletes the records of partition 0 before an offset.
func (k *cluster) truncate(t *testing.T, topic string, before int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, before, -1)
	deleted, err := k.admin.DeleteRecords(t.Context(), offsets)
	if err != nil || deleted.Error() != nil {
		t.Fatalf("deleting records of %s: %v, %v", topic, err, deleted.Error())
	}
}

// addPartitions adds partitions to a topic.
func (k *cluster) addPartitions(t *testing.T, topic string, added int) {
	t.Helper()
	answer, err := k.admin.CreatePartitions(t.Context(), added, topic)
	if err != nil || answer.Error() != nil {
		t.Fatalf("adding partitions: %v, %v", err, answer.Error())
	}
}

func TestOutPositionBeforeTheLogStartsByTheStrategy(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		k.truncate(t, topic, 7)
		for strategy, want := range map[string]int64{"earliest": 7, "latest": 10, "none": -1} {
			group := k.group()
			k.commit(t, group, topic, 3)
			c := k.run(t).out(t, topic, "groupId="+group, "offsetResetStrategy="+strategy)
			if want < 0 {
				c.refusedPosition(t)
				continue
			}
			over := make(chan struct{})
			if strategy == "latest" { // the test cannot know where the log's end is at that moment
				go k.keepWriting(t, topic, over)
				if d := c.delivery(); d.Offset < want {
					t.Errorf("%s: starts at %d, before %d", strategy, d.Offset, want)
				}
				over <- struct{}{}
				continue
			}
			if d := c.delivery(); d.Offset != want {
				t.Errorf("%s: starts at %d, want %d", strategy, d.Offset, want)
			}
		}
	})
}

// refusedPosition reads on to the end of a stream that has no valid position.
func (c *client) refusedPosition(t *testing.T) {
	t.Helper()
	frames := c.ended(4400)
	if len(frames) == 0 {
		t.Fatal("there is no error frame")
	}
	last := parse[delivery](t, frames[len(frames)-1])
	if last.Error == nil || last.Error.Code != "OFFSET_OUT_OF_RANGE" {
		t.Errorf("the last frame is %s", frames[len(frames)-1])
	}
}

// keepWriting writes a record every now and then, until over is taken from.
func (k *cluster) keepWriting(t *testing.T, topic string, over chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := k.client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("0")}).FirstErr(); err != nil {
				return
			}
		case <-over:
			return
		}
	}
}

// TestOutLogTruncatedUnderAStream deletes records that a slow stream has still before it. The rest of the
// log is delivered with the strategies earliest and latest, since the stream has received nothing of it.
// With none the stream ends.
func TestOutLogTruncatedUnderAStream(t *testing.T) {
	t.Parallel()
	const count, kept = 60, 50
	for _, strategy := range []string{"earliest", "latest", "none"} {
		t.Run(strategy, func(t *testing.T) {
			onBoth(t, func(t *testing.T, k *cluster) {
				topic, group := k.topic(t, 1), k.group()
				k.commit(t, group, topic, 0)
				for range count { // so large that a consumer fetches a few at a time
					k.produce(t, topic, &kgo.Record{Value: []byte(incompressible(100_000))})
				}
				c := k.run(t).out(t, topic, "groupId="+group, "offsetResetStrategy="+strategy, "rate=10")
				last := c.delivery().Offset
				k.truncate(t, topic, kept)
				if strategy == "none" {
					c.refusedPosition(t)
					return
				}
				jumped := false
				for last < count-1 {
					d := c.delivery()
					if d.Offset != last+1 && (jumped || d.Offset != kept) {
						t.Fatalf("delivered %d after %d", d.Offset, last)
					}
					jumped = jumped || d.Offset != last+1
					last = d.Offset
				}
				if !jumped {
					t.Error("all that was deleted was delivered: the test shows nothing")
				}
				go func() { _, _ = c.next() }() // answers the ping
				k.awaitCommit(t, group, topic, count)
			})
		})
	}
}

// incompressible returns text that stays as long where it is compressed.
func incompressible(bytes int) string {
	text := make([]byte, bytes)
	_, _ = rand.Read(text) // never fails
	return hex.EncodeToString(text)
}

// TestOutPartitionsIncreasedUnderAStream checks that an open stream reads partitions that are added.
func TestOutPartitionsIncreasedUnderAStream(t *testing.T) {
	const added = 2
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group)
		c.delivery()
		k.addPartitions(t, topic, added)
		eventually(t, "the new partitions take records", func() bool {
			k.client.ForceMetadataRefresh()
			for partition := range int32(1 + added) {
				record := &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%d", partition)}
				if k.client.ProduceSync(t.Context(), record).FirstErr() != nil {
					return false
				}
			}
			return true
		})
		first := make(map[int32]int64)
		for len(first) < 1+added {
			d := c.delivery()
			if _, had := first[d.Partition]; !had {
				first[d.Partition] = d.Offset
			}
		}
		for partition := range int32(added) {
			if at := first[1+partition]; at != 0 {
				t.Errorf("partition %d starts at %d", 1+partition, at)
			}
		}
	})
}

// TestOutCommitsSurviveAMoveOfTheCoordinator moves the coordinators of kfake's groups repeatedly.
func TestOutCommitsSurviveAMoveOfTheCoordinator(t *testing.T) {
	t.Parallel()
	fake, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	commitsSurvive(t, fake.ListenAddrs()[0], 10, false, fake.RehashCoordinators)
}

// TestOutCommitsSurviveACrashOfTheCoordinator kills a real Kafka, which loads its groups from the
// log when it is back.
func TestOutCommitsSurviveACrashOfTheCoordinator(t *testing.T) {
	t.Parallel()
	broker := kafka.RequireOwn(t, kafka.Options{})
	commitsSurvive(t, broker.Addr(), 2, true, func() {
		if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := broker.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// commitsSurvive reads two streams, one of which commits by itself, while the groups' coordinators move a
// few times. If again is set, records that were not committed by then may be delivered again.
func commitsSurvive(t *testing.T, addr string, moves int64, again bool, move func()) {
	t.Helper()
	const each = 50
	k := newCluster(t, addr)
	t.Cleanup(k.client.Close)
	topic, groups := k.topic(t, 1), []string{k.group(), k.group()}
	p := k.start(t)
	auto := p.out(t, topic, "groupId="+groups[0]).collected()
	manual := p.out(t, topic, "groupId="+groups[1], "autoCommit=false")
	had := manual.collected()
	for i := range moves {
		k.produce(t, topic, numbered(0, each, 1, 0)...)
		var last delivery
		for _, came := range []<-chan delivery{auto, had} {
			last = taken(t, came, i*each, (i+1)*each, again)
		}
		move()
		eventually(t, "the client's commit is taken", func() bool { // one that fails is to be sent again
			manual.send(commitOf(last))
			return k.committed(t, groups[1], topic)[0] == last.Offset+1
		})
		k.awaitCommit(t, groups[0], topic, last.Offset+1)
	}
}

// taken reads the records from one offset to another, and accepts that earlier ones come again.
func taken(t *testing.T, came <-chan delivery, from, to int64, again bool) (last delivery) {
	t.Helper()
	for want := from; want < to; {
		last = <-came
		if last.Offset > want || last.Offset < want && !again {
			t.Fatalf("delivered %d, want %d", last.Offset, want)
		}
		want = max(want, last.Offset+1)
	}
	return last
}

// collected reads records continuously, and so answers pings.
func (c *client) collected() <-chan delivery {
	all, records := make(chan delivery), make(chan delivery, 100)
	go func() {
		c.collect(all, c.t.Context().Done())
		close(all)
	}()
	go func() {
		defer close(records)
		for d := range all {
			if d.Error == nil {
				records <- d
			}
		}
	}()
	return records
}
