package feed

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestRingsBeginInThePast has the first tail of a log begin in the past. Others that come from there are given
// what they want of the past while nobody may read the log, and one that begins at the end is given nothing of it.
func TestRingsBeginInThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, 1<<20)
		r.log.fetched = nil
		r.log.turns <- struct{}{}
		past := append(r.write(0, "a", "b", "a"), r.write(1, "a")...)
		first := r.open(TailOptions{At: proxy.Places{0: {Offset: 2}, 1: {}}})
		latest := r.open(TailOptions{})
		r.fetch(past...)
		second := r.open(TailOptions{At: proxy.Places{0: {Offset: 1}, 1: {}}}) // it has lost its replica earlier
		first.want("record:0:2:0", "record:1:0:0")
		second.want("record:0:1:0", "record:0:2:0", "record:1:0:0")
		latest.want()
		r.fetch(r.write(0, "c")...)
		latest.want("record:0:3:0")
	})
}

// TestRingsBeginAtTheEnd where the first tail begins in a past that is too far.
func TestRingsBeginAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.log.fetched = nil
		r.write(0, "a", "b", "c")
		time.Sleep(time.Minute)
		r.open(TailOptions{At: proxy.Places{0: {Offset: 1}}})
		if r.log.fetched[0].Offset != 3 {
			t.Errorf("the rings begin at %v", r.log.fetched)
		}
	})
}

// TestTheFirstTailIsToldOfATruncation though the rings begin before it.
func TestTheFirstTailIsToldOfATruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.log.fetched = nil
		r.write(0, "a", "b", "c")
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		after := r.write(0, "d", "e", "f")
		first := r.open(TailOptions{At: proxy.Places{0: {Offset: 3}}})
		r.fetch(after...)
		first.want("TRUNCATED:0:1:3", "record:0:1:1", "record:0:2:1", "record:0:3:1")
	})
}

// TestOneTailFindsWhereRingsBegin has many tails of a log come at once.
func TestOneTailFindsWhereRingsBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		slow := &slowLog{fakeLog: r.kafka}
		r.log.fetched, r.log.source = nil, slow
		past := r.write(0, "a", "b")
		var opening sync.WaitGroup
		tails := make([]*rigTail, 20)
		for i := range tails {
			opening.Go(func() { tails[i] = r.open(TailOptions{At: proxy.Places{0: {}}}) })
		}
		opening.Wait()
		if asked := slow.asked.Load(); asked != 1 {
			t.Errorf("Kafka was asked %d times", asked)
		}
		r.fetch(past...)
		for _, tail := range tails {
			tail.want("record:0:0:0", "record:0:1:0")
		}
	})
}

// slowLog takes a second for telling where the log was at a time.
type slowLog struct {
	*fakeLog

	asked atomic.Int32
}

func (s *slowLog) At(ctx context.Context, timestamp int64) (proxy.Places, error) {
	s.asked.Add(1)
	time.Sleep(time.Second)
	return s.fakeLog.At(ctx, timestamp)
}

func TestPlacesBetween(t *testing.T) {
	oldest, newest := proxy.Places{0: {Offset: 50}, 1: {}}, proxy.Places{0: {Offset: 100}, 1: {}}
	for name, c := range map[string]struct {
		at   proxy.Places
		want bool
	}{
		"at the end":            {newest, true},
		"at the begin":          {oldest, true},
		"too old":               {proxy.Places{0: {Offset: 49}, 1: {}}, false},
		"beyond the end":        {proxy.Places{0: {Offset: 101}, 1: {}}, false},
		"not of all partitions": {proxy.Places{0: {Offset: 70}}, false},
		"of another partition":  {proxy.Places{0: {Offset: 70}, 2: {}}, false},
		"of one too many":       {proxy.Places{0: {Offset: 70}, 1: {}, 2: {}}, false},
	} {
		if got := isBetween(c.at, oldest, newest); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
