package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// resume opens a tail that goes on at a cursor, which must be possible.
func (p *proxy) resume(t *testing.T, topic, cursor string, parameters ...string) *tail {
	t.Helper()
	c := p.tail(t, topic, append(parameters, "from=cursor:"+cursor)...)
	if r := c.opened.Tail.Resumed; r == nil || !*r || c.opened.Tail.Reason != "" {
		t.Fatalf("the first frame is %s", c.opened.text)
	}
	return c
}

// wantLost checks the first frame of a tail whose place is gone.
func (c *tail) wantLost(reason string) {
	c.t.Helper()
	if r := c.opened.Tail.Resumed; r == nil || *r || c.opened.Tail.Reason != reason {
		c.t.Errorf("the first frame is %s, want %s", c.opened.text, reason)
	}
}

// cursorAt returns a cursor behind the records that a topic has.
func (p *proxy) cursorAt(t *testing.T, topic string, records int) string {
	t.Helper()
	c := p.tail(t, topic, "from=earliest", "cursors=50")
	c.records(records)
	cursor := c.cursor()
	c.close()
	return cursor
}

func TestTailCursorsComeAsOftenAsAskedFor(t *testing.T) {
	const byDefault = time.Second
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p, over := k.topic(t, 1), k.run(t), make(chan struct{})
		none := p.tail(t, topic, "cursors=0")
		go k.keepWriting(t, topic, over)
		p.cursorsEvery(t, topic, "", byDefault, func(came int, _ time.Duration) bool { return came == 5 })
		p.cursorsEvery(t, topic, "300", 300*time.Millisecond, func(came int, after time.Duration) bool {
			return came > 5 && after < byDefault*3/4 // a slow machine need not be as quick each time
		})
		over <- struct{}{}
		k.produce(t, topic, &kgo.Record{Value: []byte("last")})
		for _, f := range none.until(func(f *tailFrame) bool { return f.Value != nil && string(f.Value.Value) == `"last"` }) {
			if f.Cursor != "" {
				t.Errorf("with cursors=0 comes %s", f.text)
			}
		}
	})
}

// cursorsEvery opens a tail and reads on until enough cursors have come; after is how long the last one came after the one
// before. There is at most one in an interval, so there must have been time for all of them since the socket was opened:
// that holds on a slow machine, too.
func (p *proxy) cursorsEvery(t *testing.T, topic, cursors string, interval time.Duration, isEnough func(came int, after time.Duration) bool) {
	t.Helper()
	opening := time.Now()
	c, came, before := p.tail(t, topic, "cursors="+cursors), 0, time.Duration(0)
	defer c.close()
	eventually(t, fmt.Sprintf("enough cursors come with cursors=%s", cursors), func() bool {
		if f := c.frame(); f.Cursor == "" {
			return false
		}
		took := time.Since(opening)
		if came++; came > int(took/interval)+1 {
			t.Errorf("with cursors=%s %d came in %v", cursors, came, took)
		}
		after := took - before
		before = took
		return isEnough(came, after)
	})
}

// TestTailsResumeOnAnyReplica reads a topic in turns through two replicas.
func TestTailsResumeOnAnyReplica(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		k.produce(t, topic, numbered(0, 30, 3, 0)...)
		replicas := []*proxy{k.run(t), k.start(t)}
		l, c := newLedger(3), replicas[0].tail(t, topic, "from=earliest", "cursors=50")
		for turn := 1; turn < 6; turn++ {
			end := int64(10 * turn)
			l.follow(c, map[int32]int64{0: end, 1: end, 2: end})
			cursor := c.cursor()
			c.close()
			k.produce(t, topic, numbered(0, 30, 3, 0)...) // of which some are still before the ring, or in it
			c = replicas[turn%2].resume(t, topic, cursor, "cursors=50")
		}
		if len(l.gaps) > 0 {
			t.Errorf("gaps were told: %v", l.gaps)
		}
	})
}

// TestTailsResumeBehindWhatTheClientHas tells by after what came behind the cursor.
func TestTailsResumeBehindWhatTheClientHas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 3), k.run(t)
		k.produce(t, topic, numbered(0, 15, 3, 0)...)
		cursor := p.cursorAt(t, topic, 15)
		k.produce(t, topic, numbered(0, 15, 3, 0)...)
		for _, test := range []struct {
			after []string
			want  map[int32]int64 // the first offset of each partition
		}{
			{nil, map[int32]int64{0: 5, 1: 5, 2: 5}},
			{[]string{"after=0:7"}, map[int32]int64{0: 8, 1: 5, 2: 5}},
			{[]string{"after=0:9", "after=1:5", "after=2:4"}, map[int32]int64{0: 10, 1: 6, 2: 5}},
			{[]string{"after=" + topic + ":1:8", "after=2:9"}, map[int32]int64{0: 5, 1: 9, 2: 10}},
		} {
			c, l := p.resume(t, topic, cursor, test.after...), &ledger{next: test.want}
			l.follow(c, map[int32]int64{0: 10, 1: 10, 2: 10})
			if len(l.gaps) > 0 {
				t.Errorf("%q: gaps were told: %v", test.after, l.gaps)
			}
			if late := c.quiet(200 * time.Millisecond); records(late) > 0 {
				t.Errorf("%q: more came: %v", test.after, late)
			}
		}
		for _, after := range []string{"x", "0", "0:x", "-1:0", ":"} {
			p.refusesTail(t, 400, "INVALID_PARAMETER", "after", topic, "from=cursor:"+cursor, "after="+after)
		}
	})
}

func records(frames []tailFrame) (count int) {
	for i := range frames {
		if frames[i].Value != nil {
			count++
		}
	}
	return count
}

func TestTailPlaceThatHasExpired(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 2), k.run(t)
		k.produce(t, topic, numbered(0, 6, 2, 0)...)
		cursor := p.cursorAt(t, topic, 6)
		k.produce(t, topic, numbered(0, 14, 2, 0)...)
		k.truncate(t, topic, 7)                               // partition 0
		c := k.start(t).tail(t, topic, "from=cursor:"+cursor) // a replica that has had the records may still give them
		c.wantLost("EXPIRED")
		l := &ledger{next: map[int32]int64{0: 3, 1: 3}}
		l.follow(c, map[int32]int64{0: 10, 1: 10})
		if len(l.gaps) != 1 || l.gaps[0] != (tailGap{topic, 0, 3, 7, "EXPIRED"}) {
			t.Errorf("the gaps are %+v", l.gaps)
		}
	})
}

// again deletes a topic and makes it anew.
func (k *cluster) again(t *testing.T, topic string, partitions int32) {
	t.Helper()
	k.delete(t, topic)
	eventually(t, "the topic is made again", func() bool {
		_, err := k.admin.CreateTopic(t.Context(), partitions, 1, nil, topic)
		return err == nil
	})
	eventually(t, "the new topic has leaders", func() bool {
		ends, err := k.admin.ListEndOffsets(t.Context(), topic)
		return err == nil && ends.Error() == nil && len(ends[topic]) == int(partitions)
	})
	k.client.PurgeTopicsFromProducing(topic)
}

func TestTailPlaceInATopicThatWasMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		cursor := p.cursorAt(t, topic, 3)
		k.again(t, topic, 1)
		k.produce(t, topic, numbered(100, 5, 1, 0)...) // more than the cursor has passed
		c := p.tail(t, topic, "from=cursor:"+cursor)
		c.wantLost("RECREATED")
		if f := c.event(); f.Gap != nil {
			if f.Gap.Reason != "RECREATED" || f.Gap.Topic != topic {
				t.Errorf("got %s", f.text)
			}
		} else {
			t.Errorf("no gap is told, but %s comes", f.text)
		}
		wantValues(t, c.values(5), 100)
	})
}

// wantValues checks values in JSON, which must be texts of numbers from first on.
func wantValues(t *testing.T, got []string, first int) {
	t.Helper()
	for i, value := range got {
		if value != fmt.Sprintf(`"%d"`, first+i) {
			t.Errorf("got %s, want numbers from %d on", got, first)
			return
		}
	}
}

// TestTailCursorsThatAreNone go on from the oldest record.
func TestTailCursorsThatAreNone(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, other, p := k.topic(t, 1), k.topic(t, 1), k.run(t)
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		k.produce(t, other, numbered(0, 5, 1, 0)...)
		good := p.cursorAt(t, topic, 5)
		damaged := []byte(good)
		damaged[len(damaged)/2] = differentLetter(damaged[len(damaged)/2])
		for name, cursor := range map[string]string{
			"garbage": "garbage", "another topic's": p.cursorAt(t, other, 5), "cut": good[:len(good)/2], "cut by a letter": good[:len(good)-1],
			"longer": good + "AAAA", "doubled": good + good, "damaged": string(damaged), "long": strings.Repeat("A", 8000), "no letters": "/+ =%",
		} {
			t.Run(name, func(t *testing.T) {
				c := p.tail(t, topic, "from=cursor:"+cursor)
				c.wantLost("INVALID")
				l := newLedger(1)
				l.follow(c, map[int32]int64{0: 5})
				if l.records != 5 {
					t.Errorf("%d records came, and the gaps %v", l.records, l.gaps)
				}
			})
		}
	})
}

// differentLetter returns another letter of base64.
func differentLetter(letter byte) byte {
	if letter == 'Q' {
		return 'R'
	}
	return 'Q'
}

// TestTailTellsALastCursor after the last movement, and none while nothing moves.
func TestTailTellsALastCursor(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 2), k.run(t)
		c := p.tail(t, topic, "cursors=200")
		k.produce(t, topic, numbered(0, 50, 2, 0)...)
		c.records(50)
		last := c.cursor()
		for _, f := range c.quiet(3 * time.Second) {
			t.Errorf("while nothing moves comes %s", f.text)
			last = f.Cursor
		}
		k.produce(t, topic, &kgo.Record{Value: []byte("new")})
		if got := p.resume(t, topic, last).values(1); got[0] != `"new"` {
			t.Errorf("behind the last cursor comes %s", got)
		}
	})
}

// TestDrainTellsTailsACursor before the close, also where no other was asked for. All goes on behind it.
func TestDrainTellsTailsACursor(t *testing.T) {
	const count = 4
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, over := k.topic(t, 1), make(chan struct{})
		draining, p := k.start(t), k.run(t)
		tails := make(map[*tail]*ledger)
		for i := range count {
			tails[draining.tail(t, topic, "from=earliest", fmt.Sprintf("cursors=%d", 50*(i%2)))] = newLedger(1)
		}
		go k.keepWriting(t, topic, over)
		for c := range tails {
			tails[c].follow(c, map[int32]int64{0: 5})
		}
		wait := draining.shutdown()
		defer wait()
		cursors := make(map[*tail]string)
		for c, l := range tails {
			frames := c.ended(1012)
			if len(frames) == 0 || frames[len(frames)-1].Cursor == "" {
				t.Fatalf("before the close came %v", frames)
			}
			for i := range frames {
				if err := l.note(&frames[i]); err != nil {
					t.Error(err)
				}
			}
			cursors[c] = frames[len(frames)-1].Cursor
		}
		for c, l := range tails {
			resumed := p.resume(t, topic, cursors[c])
			l.follow(resumed, map[int32]int64{0: l.next[0] + 3})
			if len(l.gaps) > 0 {
				t.Errorf("gaps were told: %v", l.gaps)
			}
		}
		over <- struct{}{}
	})
}

// TestTailCursorFromTheFuture shows a cursor to a Kafka that was restored from an older copy of its disk.
func TestTailCursorFromTheFuture(t *testing.T) {
	t.Parallel()
	now, past := t.TempDir(), t.TempDir()
	k := restoredCluster(t, now)
	topic := k.topic(t, 1)
	k.produce(t, topic, numbered(0, 3, 1, 0)...)
	k.close()
	if err := os.CopyFS(past, os.DirFS(now)); err != nil {
		t.Fatal(err)
	}
	k = restoredCluster(t, now)
	k.produce(t, topic, numbered(3, 5, 1, 0)...)
	cursor := k.start(t).cursorAt(t, topic, 8)
	restore := restoredCluster(t, past)
	p := restore.start(t)
	wantValues(t, p.tail(t, topic, "from=earliest").values(3), 0)
	c := p.tail(t, topic, "from=cursor:"+cursor)
	if r := c.opened.Tail.Resumed; r == nil || *r || c.opened.Tail.Reason == "" {
		t.Errorf("the first frame is %s", c.opened.text)
	}
	restore.produce(t, topic, &kgo.Record{Value: []byte("new")})
	before := c.until(func(f *tailFrame) bool { return f.Value != nil && string(f.Value.Value) == `"new"` })
	if n := records(before); n != 0 && n != 3 { // what the client had already may come again
		t.Errorf("before the new record came %v", before)
	}
}

// restored is a fake Kafka with a disk.
type restored struct {
	*cluster
	close func()
}

func restoredCluster(t *testing.T, dir string) restored {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	k := newCluster(t, fake.ListenAddrs()[0])
	end := sync.OnceFunc(func() {
		k.client.Close()
		fake.Close()
	})
	t.Cleanup(end)
	return restored{k, end}
}
