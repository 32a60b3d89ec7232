package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	goclient "github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// TestTheGoClientReadsWhatKafkaHas by a group and by a tail: bytes of any kind, headers, tombstones.
func TestTheGoClientReadsWhatKafkaHas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		want := []*kgo.Record{
			{Key: []byte("k"), Value: []byte("text"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte{0xff}}, {Key: "h"}}},
			{Key: []byte{0xff}, Value: []byte{0, 0xff}},
			{Value: nil},
			{Key: []byte{}, Value: []byte{}},
		}
		k.produce(t, topic, want...)
		c := k.run(t).goClient(t)
		ctx := testContext(t)
		read := upTo(t, len(want), c.Consume(ctx, goclient.ConsumeOptions{Topic: topic, Group: k.group()}))
		var tailed []*goclient.Record
		for e, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}, From: "earliest", UntilEnd: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Record != nil {
				tailed = append(tailed, e.Record)
			}
		}
		for _, got := range [][]*goclient.Record{read, tailed} {
			if len(got) != len(want) {
				t.Fatalf("got %d records", len(got))
			}
			for i, r := range got {
				w := want[i]
				if !bytes.Equal(r.Key, w.Key) || !bytes.Equal(r.Value, w.Value) || (r.Key == nil) != (w.Key == nil) ||
					(r.Value == nil) != (w.Value == nil) || r.Offset != int64(i) || len(r.Headers) != len(w.Headers) {
					t.Errorf("got %+v, want %+v", r, w)
				}
			}
			if h := got[0].Headers; string(h[0].Value) != "\xff" || h[1].Value != nil {
				t.Errorf("got the headers %v", h)
			}
		}
	})
}

// TestTheGoClientCommitsWhatTheLoopIsThroughWith and not what it has yet to deal with, though the client has it already.
func TestTheGoClientCommitsWhatTheLoopIsThroughWith(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 50, 1, 0)...)
		c := k.run(t).goClient(t)
		ctx := testContext(t)
		upTo(t, 20, c.Consume(ctx, goclient.ConsumeOptions{Topic: topic, Group: group})) // the loop is left in the 20th
		k.awaitCommit(t, group, topic, 19)
		next := upTo(t, 1, c.Consume(ctx, goclient.ConsumeOptions{Topic: topic, Group: group}))
		if next[0].Offset != 19 {
			t.Errorf("the next one begins at %d", next[0].Offset)
		}
	})
}

// TestTheGoClientCommitsByHand also what is committed just before the loop is left.
func TestTheGoClientCommitsByHand(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 50, 1, 0)...)
		c := k.run(t).goClient(t)
		ctx := testContext(t)
		var last *goclient.Record
		for r, err := range c.Consume(ctx, goclient.ConsumeOptions{Topic: topic, Group: group, ManualCommit: true}) {
			if err != nil {
				t.Fatal(err)
			}
			if last = r; r.Offset == 30 {
				if err := r.Commit(ctx); err != nil {
					t.Fatal(err)
				}
				break
			}
		}
		k.awaitCommit(t, group, topic, 31)
		if err := last.Commit(ctx); !errors.Is(err, goclient.ErrNotHeld) {
			t.Errorf("a commit after the end: %v", err)
		}
	})
}

// TestTheGoClientReadsOnAfterCuts and commits nothing that its loop has not dealt with.
func TestTheGoClientReadsOnAfterCuts(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 2), k.group()
		const count = 400
		k.produce(t, topic, numbered(0, count, 2, 0)...)
		p := k.run(t)
		link := newRelay(t, p.addr)
		c := p.goClient(t, func(o *goclient.Options) { o.URL = "ws://" + link.addr })
		ctx := testContext(t)
		seen := map[string]bool{}
		n := 0
		for r, err := range c.Consume(ctx, goclient.ConsumeOptions{Topic: topic, Group: group, Buffer: 20}) {
			if err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprint(r.Partition, r.Offset)] = true
			if n++; n == 90 || n == 200 {
				link.cut()
			}
			if len(seen) == count {
				break
			}
		}
		if link.dialled() < 3 {
			t.Errorf("%d connections", link.dialled())
		}
	})
}

// TestTheGoTailGivesEachRecordOnce although its connections are cut: before its first cursor, and behind it.
func TestTheGoTailGivesEachRecordOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 2)
		const count = 2000
		k.produce(t, topic, numbered(0, count/2, 2, 0)...)
		p := k.run(t)
		link := newRelay(t, p.addr)
		c := p.goClient(t, func(o *goclient.Options) { o.URL = "ws://" + link.addr })
		next := map[int32]int64{}
		n, cursors := 0, 0
		for e, err := range c.Tail(testContext(t), goclient.TailOptions{Topics: []string{topic}, From: "earliest", Buffer: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case e.Cursor != "":
				if cursors++; cursors == 1 {
					k.produce(t, topic, numbered(count/2, count/2, 2, 0)...)
				}
			case e.Record != nil:
				if e.Record.Offset != next[e.Record.Partition] {
					t.Fatalf("got %d-%d, want offset %d", e.Record.Partition, e.Record.Offset, next[e.Record.Partition])
				}
				next[e.Record.Partition]++
				if n++; n == 100 || n == 1200 || n == 1700 {
					link.cut()
				}
			case e.Gap != nil:
				t.Errorf("a gap: %+v", e.Gap)
			}
			if n == count {
				break
			}
		}
		if link.dialled() < 4 {
			t.Errorf("%d connections", link.dialled())
		}
	})
}

// TestASlowLoopSlowsTheProxyDown by credit: no more is sent than the buffer takes.
func TestASlowLoopSlowsTheProxyDown(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 1000, 1, 0)...)
		p := k.start(t)
		delivered := func() float64 { return p.metric(t, `wsproxy_records_delivered_total{topic="`+topic+`"}`) }
		ctx, cancel := context.WithCancel(testContext(t))
		defer cancel()
		for e, err := range p.goClient(t).Tail(ctx, goclient.TailOptions{Topics: []string{topic}, From: "earliest", Buffer: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Record == nil {
				continue
			}
			eventually(t, "the buffer to be full", func() bool { return delivered() == 10 })
			break
		}
	})
}

// TestTheGoClientEndsWithItsContext and says so.
func TestTheGoClientEndsWithItsContext(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).goClient(t)
		ctx, cancel := context.WithCancel(testContext(t))
		for _, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}}) {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			cancel() // at the first event
		}
		for _, err := range c.Consume(ctx, goclient.ConsumeOptions{Topic: topic}) {
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		cancel()
	})
}

// TestTheGoWorkerSettlesItsTasks and releases those that its loop leaves.
func TestTheGoWorkerSettlesItsTasks(t *testing.T) {
	onReal(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 4, 1, 0)...)
		c := k.run(t).goClient(t)
		ctx := testContext(t)
		counts := map[int64]int{}
		var released []int64
		for task, err := range c.Queue(ctx, goclient.QueueOptions{Topic: topic, Group: group}) {
			if err != nil {
				t.Fatal(err)
			}
			if counts[task.Offset]++; counts[task.Offset] != task.Count {
				t.Errorf("record %d comes for the time %d, the proxy counts %d", task.Offset, counts[task.Offset], task.Count)
			}
			switch {
			case task.Offset == 1 && task.Count == 1: // left
				released = append(released, task.Offset)
				continue
			case task.Offset == 2:
				until := task.Until
				if err := task.Renew(ctx); err != nil || task.Until.Before(until) {
					t.Errorf("renewed from %v to %v: %v", until, task.Until, err)
				}
				err = task.Reject(ctx)
			default:
				err = task.Accept(ctx)
			}
			if err != nil {
				t.Errorf("settling %d: %v", task.Offset, err)
			}
			var e *goclient.Error
			if err := task.Accept(ctx); !errors.As(err, &e) || e.Code != "UNKNOWN_MESSAGE_ID" {
				t.Errorf("settling %d again: %v", task.Offset, err)
			}
			if counts[0]+counts[1]+counts[2]+counts[3] == 5 {
				break
			}
		}
		if !slices.Equal(released, []int64{1}) || counts[1] != 2 {
			t.Errorf("released %v, counts %v", released, counts)
		}
	})
}
