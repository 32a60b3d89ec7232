package feed

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func ofKeys(keys ...string) *Selection {
	return &Selection{Partition: proxy.AnyPartition, Keys: keySet(keys...)}
}

// fill returns what the tail gives now if it may give so many records.
func (c *rigTail) fill(most int) (frames []string) {
	take := func(frame []byte) bool {
		frames = append(frames, string(frame[:len(frame)-1]))
		return true
	}
	c.Fill(most, take, take)
	return frames
}

// TestATailThatTakesThePlaceOfAnotherGivesTheRestOfItsSnapshot changes the ring within a snapshot, as who asks for another
// condition does where records are conflated. A client that waits for its end would wait for ever.
func TestATailThatTakesThePlaceOfAnotherGivesTheRestOfItsSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.fetch(r.write(0, "a", "b", "c")...)
		options := TailOptions{Snapshot: true, Every: time.Minute, Slow: SlowLatest}
		old := r.open(options)
		if got, want := old.fill(1), []string{"snapshot:false:0:0", "record:0:0:0"}; !slices.Equal(got, want) {
			t.Fatalf("the first one gives %q, want %q", got, want)
		}
		r.fetch(r.write(0, "d")...)
		place, text := old.Cursor()
		if text != "" {
			t.Errorf("within the snapshot there is a cursor at %+v", place)
		}
		options.At, options.Snapshot, options.Selection = place.Places, false, &Selection{Partition: 0}
		again := r.open(options)
		again.Inherit(old.Tail)
		if got, text := again.Cursor(); text != "" {
			t.Errorf("before the rest of the snapshot there is a cursor at %+v", got)
		}
		again.want("record:0:1:0", "record:0:2:0", "snapshot:true:3:0", "record:0:3:0")
		if _, text := again.Cursor(); text == "" {
			t.Error("behind the snapshot there is no cursor")
		}
	})
}

// TestWithinNewestRecordsOfKeysTheCursorIsBeforeThem asks for newest records when others were given.
func TestWithinNewestRecordsOfKeysTheCursorIsBeforeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		tail := r.open(TailOptions{Selection: ofKeys("a")})
		r.fetch(r.write(0, "a", "b")...)
		tail.want("record:0:0:0")
		before, _ := tail.Cursor()
		if err := tail.SelectKeys(t.Context(), ofKeys("a", "b"), keySet("b")); err != nil {
			t.Fatal(err)
		}
		r.fetch(r.write(0, "a")...)
		if got, text := tail.Cursor(); text == "" || got.Places[0] != before.Places[0] {
			t.Errorf("before the newest record the cursor is %q at %+v, want %+v", text, got, before)
		}
		tail.want("snapshot:false:0:0", "record:0:1:0", "snapshot:true:1:0", "record:0:2:0")
	})
}

// TestNewestRecordsDoNotPileUp has a client that takes nothing ask for them again and again.
func TestNewestRecordsDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.fetch(r.write(0, "a")...)
		tail := r.open(TailOptions{Selection: ofKeys("a")})
		ask := func() error { return tail.SelectKeys(t.Context(), ofKeys("a"), keySet("a")) }
		var want []string
		for i := range mostSnapshots {
			if err := ask(); err != nil {
				t.Fatalf("when %d wait: %v", i, err)
			}
			want = append(want, "snapshot:false:0:0", "record:0:0:0", "snapshot:true:1:0")
		}
		if err := ask(); !errors.Is(err, errManySnapshots) {
			t.Errorf("when %d wait: %v, want %v", mostSnapshots, err, errManySnapshots)
		}
		tail.want(want...)
		if err := ask(); err != nil {
			t.Errorf("when all were given: %v", err)
		}
	})
}
