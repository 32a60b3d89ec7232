package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// compacted makes a compacted topic.
func (k *cluster) compacted(t *testing.T, partitions int32) string {
	t.Helper()
	return k.topic(t, partitions, "cleanup.policy", "compact")
}

// version makes a record of a key; the empty value is a tombstone.
func version(key, value string) *kgo.Record {
	r := &kgo.Record{Key: []byte(key)}
	if value != "" {
		r.Value = []byte(value)
	}
	return r
}

// snapshot reads a snapshot, and returns its records as key=value, sorted.
func (c *tail) snapshot(topic string) (all []string) {
	c.t.Helper()
	if f := c.expect("snapshot"); f.Snapshot.State != "begin" || f.Snapshot.Topic != topic {
		c.t.Fatalf("got %s, want the begin", f.text)
	}
	for {
		f := c.event()
		switch f.kind() {
		case "record":
			all = append(all, textOf(c.t, f.Key.Value)+"="+string(f.Value.Value))
			continue
		case "snapshot":
			if f.Snapshot.State != "end" || f.Snapshot.Topic != topic || f.Snapshot.Keys != len(all) {
				c.t.Errorf("after %d records comes %s", len(all), f.text)
			}
		default:
			c.t.Fatalf("in the snapshot comes %s", f.text)
		}
		slices.Sort(all)
		return all
	}
}

func wantSnapshot(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the snapshot is %q, want %q", what, got, want)
	}
}

func TestTailSnapshot(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.compacted(t, 2), k.run(t)
		wantSnapshot(t, "empty", p.tail(t, topic, "snapshot=true").snapshot(topic))
		k.produce(t, topic, version("a", "1"), version("b", "1"), version("c", "1"), version("a", "2"), version("b", ""), version("d", ""), version("", "e"))
		other := version("x", "1")
		other.Partition = 1
		k.produce(t, topic, other)
		c := p.tail(t, topic, "snapshot=true")
		wantSnapshot(t, "all", c.snapshot(topic), `="e"`, `a="2"`, `c="1"`, `x="1"`)
		k.produce(t, topic, version("c", ""), version("a", "3"), version("new", "1"))
		for i, want := range []string{`c null`, `a "3"`, `new "1"`} {
			if f := c.expect("record"); textOf(t, f.Key.Value)+" "+string(f.Value.Value) != want {
				t.Errorf("live record %d is %s, want %s", i, f.text, want)
			}
		}
		for _, test := range []struct {
			parameter string
			want      []string
		}{
			{"from=latest", []string{`="e"`, `a="3"`, `new="1"`, `x="1"`}}, // a second reader
			{"key=a", []string{`a="3"`}},
			{"key=c", nil},
			{"keyPrefix=n", []string{`new="1"`}},
			{`where={"json":"","eq":1}`, []string{`new="1"`, `x="1"`}},
			{"rate=1000", []string{`="e"`, `a="3"`, `new="1"`, `x="1"`}},
			{"batch=true", []string{`="e"`, `a="3"`, `new="1"`, `x="1"`}},
		} {
			wantSnapshot(t, test.parameter, p.tail(t, topic, "snapshot=true", test.parameter).snapshot(topic), test.want...)
		}
	})
}

func TestTailSnapshotsThatAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, plain, p := k.compacted(t, 1), k.topic(t, 1), k.run(t)
		p.refusesTail(t, 400, "INVALID_PARAMETER", "compact", plain, "snapshot=true")
		p.refusesTail(t, 400, "INVALID_PARAMETER", "compact", topic+","+plain, "snapshot=true")
		for _, from := range []string{"earliest", "last:1", "timestamp:0", "offset:0:0"} {
			p.refusesTail(t, 400, "INVALID_PARAMETER", "", topic, "snapshot=true", "from="+from)
		}
		both := k.topic(t, 1, "cleanup.policy", "compact,delete")
		k.produce(t, both, version("a", "1"))
		wantSnapshot(t, "compact,delete", p.tail(t, both, "snapshot=true").snapshot(both), `a="1"`)
		c := p.tail(t, topic)
		c.send(asking("subscribe", plain, `"snapshot":true`))
		if f := c.refusal("INVALID_MESSAGE"); f.Message == "" {
			t.Errorf("got %+v", f)
		}
		c.send(asking("subscribe", both, `"snapshot":true,"from":"earliest"`))
		c.refusal("INVALID_MESSAGE")
	})
}

func TestTailSnapshotThatIsTooLarge(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, small := k.compacted(t, 1), k.compacted(t, 1)
		for i := range 40 {
			k.produce(t, topic, version(fmt.Sprint(i), incompressible(50_000)))
		}
		k.produce(t, small, version("a", "1"))
		p := k.start(t, "TAIL_SNAPSHOT_BYTES=1MiB")
		got := p.upgrade(t, tailPath(topic, "snapshot=true"))
		if f := got.failure(t); got.status != 503 || !slices.ContainsFunc([]rune(f.Message), func(r rune) bool { return r >= '0' && r <= '9' }) {
			t.Errorf("got %d %+v, want 503 and how much it needs", got.status, f)
		}
		wantSnapshot(t, "small", p.tail(t, small, "snapshot=true").snapshot(small), `a="1"`)
		p.tail(t, topic, "from=earliest").records(40)
	})
}

// TestTailSnapshotOfSubscriptions asks for the newest records on an open socket.
func TestTailSnapshotOfSubscriptions(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, first := k.compacted(t, 1), k.topic(t, 1)
		k.produce(t, topic, version("a", "1"), version("b", "1"), version("c", "1"), version("a", "2"), version("b", ""))
		c := k.run(t).tail(t, first)
		c.subscribed(asking("subscribe", topic, `"snapshot":true`, keysOf("a", "b")))
		wantSnapshot(t, "subscribed", c.snapshot(topic), `a="2"`)
		c.send(asking("track", topic, `"snapshot":true`, keysOf("c")))
		newest := c.until(func(f *tailFrame) bool { return f.Value != nil && string(f.Key.Value) == `"c"` })
		if records(newest) > 0 {
			t.Errorf("before the newest record came %v", newest)
		}
		k.produce(t, topic, version("d", "1"), version("c", "2"))
		c.until(func(f *tailFrame) bool {
			return f.Value != nil && string(f.Value.Value) == `"2"` && string(f.Key.Value) == `"c"`
		})
	})
}

// TestTailSnapshotAfterACursor folds what comes before and after a pause.
func TestTailSnapshotAfterACursor(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.compacted(t, 1), k.run(t)
		k.produce(t, topic, version("a", "1"), version("b", "1"), version("c", "1"))
		c, fold := p.tail(t, topic, "snapshot=true", "cursors=50"), newFold()
		fold.follow(t, c, "c", `"1"`)
		k.produce(t, topic, version("a", "2"))
		fold.follow(t, c, "a", `"2"`)
		cursor := c.cursor()
		c.close()
		k.produce(t, topic, version("b", ""), version("a", "3"), version("d", "1"), version("end", "1"))
		resumed := p.resume(t, topic, cursor, "snapshot=true")
		fold.follow(t, resumed, "end", `"1"`)
		for _, f := range resumed.quiet(300 * time.Millisecond) {
			fold.note(t, &f)
		}
		wantSnapshot(t, "folded", fold.sorted(), `a="3"`, `c="1"`, `d="1"`, `end="1"`)
	})
}

// fold is the table that a client makes of what it is given.
type fold struct {
	table   map[string]string
	offsets map[string]bool // of all records, by place
}

func newFold() *fold { return &fold{table: make(map[string]string), offsets: make(map[string]bool)} }

func (f *fold) note(t *testing.T, frame *tailFrame) {
	t.Helper()
	if frame.Snapshot != nil && frame.Snapshot.State == "begin" {
		clear(f.table)
		clear(f.offsets)
	}
	if frame.Value == nil {
		return
	}
	at := place(frame.Partition, frame.Offset)
	if f.offsets[at] {
		t.Errorf("the record at %s comes twice", at)
	}
	f.offsets[at] = true
	key := textOf(t, frame.Key.Value)
	if f.table[key] = string(frame.Value.Value); f.table[key] == "null" {
		delete(f.table, key)
	}
}

// follow reads until a key has a value.
func (f *fold) follow(t *testing.T, c *tail, key, value string) {
	t.Helper()
	for f.table[key] != value {
		frame := c.frame()
		f.note(t, &frame)
	}
}

func (f *fold) sorted() (all []string) {
	for key, value := range f.table {
		all = append(all, key+"="+value)
	}
	slices.Sort(all)
	return all
}

// TestTailSnapshotHasNoHoleAndNoDouble opens tails while a producer writes. In each partition the snapshot must be
// what the log before the first live record comes to, and then comes every record.
func TestTailSnapshotHasNoHoleAndNoDouble(t *testing.T) {
	const partitions, keys, tails = 3, 60, 12
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.compacted(t, partitions)
		replicas := []*proxy{k.run(t), k.start(t)}
		var written []*kgo.Record
		var writer sync.WaitGroup
		over := make(chan struct{})
		writer.Go(func() { written = k.versions(t, topic, partitions, keys, over) })
		open := make([]*tail, tails)
		for i := range open {
			<-time.After(rand.N(200 * time.Millisecond))
			parameters := []string{"snapshot=true"}
			if i%3 == 1 {
				parameters = append(parameters, "keyPrefix=0")
			}
			open[i] = replicas[i%2].tail(t, topic, parameters...)
		}
		close(over)
		writer.Wait()
		for partition := range int32(partitions) {
			end := version("0 end", "1")
			end.Partition = partition
			k.produce(t, topic, end)
			written = append(written, end)
		}
		for i, c := range open {
			prefix := ""
			if i%3 == 1 {
				prefix = "0"
			}
			t.Run(fmt.Sprint(i), func(t *testing.T) { checkCut(t, c, written, partitions, prefix) })
		}
	})
}

// versions writes records of random keys, one of five a tombstone, until over is closed.
func (k *cluster) versions(t *testing.T, topic string, partitions, keys int, over <-chan struct{}) (written []*kgo.Record) {
	for n := 0; ; n++ {
		select {
		case <-over:
			return written
		default:
		}
		var batch []*kgo.Record
		for range 1 + rand.N(20) {
			key := rand.N(keys)
			r := version(fmt.Sprintf("%02d", key), fmt.Sprint(n))
			if rand.N(5) == 0 {
				r.Value = nil
			}
			r.Topic, r.Partition = topic, int32(key%partitions)
			batch = append(batch, r)
		}
		if err := k.client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Error(err)
			return written
		}
		written = append(written, batch...)
		<-time.After(rand.N(5 * time.Millisecond))
	}
}

// checkCut reads a snapshot and what follows up to the end of each partition, and compares with what was written.
func checkCut(t *testing.T, c *tail, written []*kgo.Record, partitions int, prefix string) {
	t.Helper()
	table, live := make(map[string]bool), make(map[int32][]int64)
	begun, ended := false, 0
	for isSnapshot := true; ended < partitions; {
		f := c.event()
		switch {
		case f.Snapshot != nil:
			begun, isSnapshot = true, f.Snapshot.State == "begin"
		case f.Value == nil:
			t.Fatalf("got %s", f.text)
		case isSnapshot:
			table[place(f.Partition, f.Offset)] = true
		default:
			live[f.Partition] = append(live[f.Partition], f.Offset)
			if string(f.Key.Value) == `"0 end"` {
				ended++
			}
		}
	}
	if !begun {
		t.Error("there was no snapshot")
	}
	wantTable, wantLive := cutOf(written, live, prefix)
	for partition, offsets := range live {
		if !slices.Equal(offsets, wantLive[partition]) {
			t.Errorf("partition %d: live came %v, want %v", partition, offsets, wantLive[partition])
		}
	}
	for at := range wantTable {
		if !table[at] {
			t.Errorf("the snapshot lacks %s, where live comes from %v on", at, firsts(live))
		}
	}
	for at := range table {
		if !wantTable[at] {
			t.Errorf("the snapshot has %s, which is not the newest of its key, where live comes from %v on", at, firsts(live))
		}
	}
}

// firsts returns the first offset of each partition.
func firsts(live map[int32][]int64) map[int32]int64 {
	first := make(map[int32]int64)
	for partition, offsets := range live {
		first[partition] = offsets[0]
	}
	return first
}

// cutOf tells what a snapshot must hold, and what must follow, where the first live offsets of partitions are known.
func cutOf(written []*kgo.Record, live map[int32][]int64, prefix string) (table map[string]bool, after map[int32][]int64) {
	table, after = make(map[string]bool), make(map[int32][]int64)
	newest := make(map[string]*kgo.Record)
	slices.SortFunc(written, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
	for _, r := range written {
		if len(r.Key) < len(prefix) || string(r.Key[:len(prefix)]) != prefix {
			continue
		}
		if r.Offset >= live[r.Partition][0] {
			after[r.Partition] = append(after[r.Partition], r.Offset)
			continue
		}
		newest[fmt.Sprint(r.Partition, string(r.Key))] = r
	}
	for _, r := range newest {
		if r.Value != nil {
			table[place(r.Partition, r.Offset)] = true
		}
	}
	return table, after
}

// TestNoCursorLiesWithinASnapshot has the proxy drain while a client has some of the newest records of one of its topics: who
// comes back with the last cursor is given them all.
func TestNoCursorLiesWithinASnapshot(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, first, p := k.compacted(t, 1), k.compacted(t, 1), k.start(t)
		k.produce(t, topic, version("a", "1"), version("b", "1"), version("c", "1"))
		c := p.tail(t, first, "credit=2", "cursors=0")
		k.produce(t, first, version("x", "1"))
		c.records(1)
		c.subscribed(asking("subscribe", topic, `"snapshot":true`))
		c.expect("snapshot")
		c.records(1)
		wait := p.shutdown()
		defer wait()
		ended := c.ended(1012)
		if len(ended) == 0 || ended[len(ended)-1].Cursor == "" {
			t.Fatalf("before 1012 came no cursor: %v", ended)
		}
		c = k.run(t).tail(t, topic+","+first, "snapshot=true", "from=cursor:"+ended[len(ended)-1].Cursor)
		c.wantLost("INVALID")
		c.until(func(f *tailFrame) bool { return f.Snapshot != nil && f.Snapshot.State == "end" && f.Snapshot.Keys == 3 })
	})
}

// TestTailSnapshotGoesOnInAnotherRing grants further records of a snapshot when the rest of it is another reader's: that of
// another condition where records are conflated, or of the topic that has its name now.
func TestTailSnapshotGoesOnInAnotherRing(t *testing.T) {
	cases := map[string]struct {
		change func(t *testing.T, k *cluster, c *tail, topic string)
		then   []string
	}{
		"of another condition": {func(_ *testing.T, _ *cluster, c *tail, topic string) {
			c.subscribed(asking("subscribe", topic, `"where":{"json":"","eq":2}`))
		}, []string{"record"}},
		"of a topic that was made again": {func(t *testing.T, k *cluster, _ *tail, topic string) {
			k.delete(t, topic)
			held, goOn := k.holdLookups(topic)
			defer goOn()
			policy := "compact"
			if _, err := k.admin.CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &policy}, topic); err != nil {
				t.Fatal(err)
			}
			k.client.PurgeTopicsFromProducing(topic)
			<-held // the first reader gives nothing more
		}, []string{"gap", "record"}},
	}
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		p := k.run(t)
		for name, test := range cases {
			t.Run(name, func(t *testing.T) {
				topic := k.compacted(t, 1)
				k.produce(t, topic, version("a", "1"), version("b", "1"), version("c", "1"))
				c := p.tail(t, topic, "snapshot=true", "every=50", "credit=1")
				c.expect("snapshot")
				c.expect("record")
				test.change(t, k, c, topic)
				c.send(`{"credit":10}`)
				c.records(2)
				if f := c.expect("snapshot"); f.Snapshot.State != "end" || f.Snapshot.Keys != 3 {
					t.Errorf("behind the last record comes %s", f.text)
				}
				k.produce(t, topic, version("a", "2"))
				for _, kind := range test.then {
					c.expect(kind)
				}
			})
		}
	})
}

// TestTailCursorsComeWhileATopicBeginsWithItsNewestRecords: who comes back with one is given all of these again, and goes
// on in the other topics.
func TestTailCursorsComeWhileATopicBeginsWithItsNewestRecords(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other, p := k.compacted(t, 1), k.compacted(t, 1), k.run(t)
		k.produce(t, topic, version("a", "1"), version("b", "1"))
		c := p.tail(t, other, "key=none", "credit=1", "cursors=20")
		c.subscribed(asking("subscribe", topic, `"snapshot":true`))
		c.expect("snapshot")
		c.expect("record")
		k.produce(t, other, version("x", "1")) // is not wanted, and moves the place
		cursor := c.cursor()
		c.close()
		k.produce(t, other, version("y", "1"))
		c = p.tail(t, topic+","+other, "snapshot=true", "from=cursor:"+cursor)
		c.wantLost("INVALID")
		got := c.until(func(f *tailFrame) bool { return f.Snapshot != nil && f.Snapshot.State == "end" })
		k.produce(t, other, version("z", "1"))
		got = append(got, c.until(func(f *tailFrame) bool { return f.Value != nil && string(f.Key.Value) == `"z"` })...)
		var keys []string
		for i := range got {
			if f := &got[i]; f.Value != nil {
				keys = append(keys, textOf(t, f.Key.Value))
			}
		}
		if slices.Sort(keys); !slices.Equal(keys, []string{"a", "b", "y"}) {
			t.Errorf("the records have the keys %q", keys)
		}
	})
}
