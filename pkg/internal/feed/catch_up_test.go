package feed

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestACatchUpGivesItsTurnBack has a tail read a log to its end, which is before that of the ring: the log was
// truncated, and the ring does not know yet. Once it does the tail joins it, though no record comes, and another tail
// may read the log.
func TestACatchUpGivesItsTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1)
		r.fetch(r.write(0, "a", "b", "c", "d")...)
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		begin := TailOptions{At: proxy.Places{0: {Epoch: -1}}}
		first := r.open(begin)
		first.want("record:0:0:0", "record:0:1:0")
		r.fetchGaps()
		r.open(begin).want("record:0:0:0", "record:0:1:0")
		r.fetch(r.write(0, "e")...)
		first.want("record:0:2:1")
	})
}

// TestTailsWithKeysJoinTheRingWhereTheyAre has tails with keys and prefixes begin in the past, which the ring has, while nobody
// may read the log: they are given what is wanted from their places on, and what comes then.
func TestTailsWithKeysJoinTheRingWhereTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, 1<<20)
		r.open(TailOptions{})
		r.fetch(r.write(0, "a", "b", "a", "ab")...)
		r.fetch(r.write(1, "b", "a")...)
		r.fetch(r.write(0, "a")...)
		r.log.turns <- struct{}{}
		keys := &Selection{Partition: proxy.AnyPartition, Keys: keySet("a")}
		at := proxy.Places{0: {Offset: 1}, 1: {}}
		byKey := r.open(TailOptions{At: at, Selection: keys})
		byPrefix := r.open(TailOptions{At: at, Selection: &Selection{Partition: 0, Prefixes: []string{"a"}}})
		byKey.want("record:0:2:0", "record:1:1:0", "record:0:4:0")
		byPrefix.want("record:0:2:0", "record:0:3:0", "record:0:4:0")
		r.fetch(r.write(0, "b", "a")...)
		byKey.want("record:0:6:0")
		byPrefix.want("record:0:6:0")
		if cursor, _ := byKey.Cursor(); cursor.Places[0].Offset != 7 || cursor.Places[1].Offset != 2 {
			t.Errorf("the cursor is at %v", cursor.Places)
		}
	})
}

// TestATailThatConflatesJoinsBehindAnotherLeader has a tail with an interval read a log to its end, which the ring knows from a
// later leader. Though no record comes, it joins the ring, and another tail may read the log.
func TestATailThatConflatesJoinsBehindAnotherLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1)
		r.fetch(r.write(0, "a", "b")...)
		r.kafka.change(func() { r.kafka.partitions[0].truncate(0) })
		r.fetchEnds()
		begin := TailOptions{At: proxy.Places{0: {Epoch: -1}}}
		conflates := begin
		conflates.Every, conflates.Slow = time.Second, SlowLatest
		first := r.open(conflates)
		first.want("record:0:0:0", "record:0:1:0")
		r.open(begin).want("record:0:0:0", "record:0:1:0")
		r.fetch(r.write(0, "c")...)
		first.want("record:0:2:1")
	})
}

// endingReader fails at the moment at which the wait for it ends.
type endingReader struct{ Reader }

func (endingReader) Poll(ctx context.Context) (proxy.Batch, error) {
	<-ctx.Done()
	return proxy.Batch{}, errFake
}

// TestAReaderThatFailsAtTheEndOfAWaitIsNotReadOn since it may be beyond what it has returned.
func TestAReaderThatFailsAtTheEndOfAWaitIsNotReadOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tail := newRig(t, 1, 1).open(TailOptions{})
		if _, err := tail.poll(t.Context(), endingReader{}); !errors.Is(err, errFake) {
			t.Errorf("polling: %v", err)
		}
		conflating := &conflatingReader{Reader: endingReader{}, next: proxy.Places{0: {}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := conflating.Poll(ctx); !errors.Is(err, errFake) {
			t.Errorf("polling for the newest records: %v", err)
		}
	})
}

// TestATailThatTakesNothingHoldsUpNobody has a tail take nothing of what it was handed, while another one waits for its turn.
func TestATailThatTakesNothingHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1)
		r.fetch(r.write(0, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")...)
		begin := TailOptions{At: proxy.Places{0: {Epoch: -1}}}
		stalled := r.open(begin)
		time.Sleep(rigRetry / 2)
		synctest.Wait() // it has its turn
		var all []string
		for offset := range 12 {
			all = append(all, fmt.Sprintf("record:0:%d:0", offset))
		}
		r.open(begin).want(all...)
		stalled.want(all...)
		r.fetch(r.write(0, "m")...)
		stalled.want("record:0:12:0")
	})
}
