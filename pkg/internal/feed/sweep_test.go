package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func ofUnit(unit string) *Selection {
	return &Selection{Partition: proxy.AnyPartition, Where: whereUnit(unit)}
}

// TestTailsWithConditionsShareAReader has many tails with conditions begin in the past, which the ring has, while nobody may read
// the log, and records come meanwhile. One reader is enough for all, and each is given what it wants, once and in order.
func TestTailsWithConditionsShareAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, 1<<20)
		r.open(TailOptions{})
		r.fetch(r.writeUnits(0, "x", "y", "x", "y")...)
		r.fetch(r.writeUnits(1, "y", "x")...)
		r.log.turns <- struct{}{}
		var tails []*rigTail
		var wants [][]string
		for n := range 20 {
			unit, begin := modelUnits[n%2], int64(n%3)
			tails = append(tails, r.open(TailOptions{At: proxy.Places{0: {Offset: begin}, 1: {}}, Selection: ofUnit(unit)}))
			var want []string
			for offset, each := range []string{"x", "y", "x", "y"} {
				if each == unit && int64(offset) >= begin {
					want = append(want, fmt.Sprintf("record:0:%d:0", offset))
				}
			}
			want = append(want, map[string]string{"x": "record:1:1:0", "y": "record:1:0:0"}[unit])
			wants = append(wants, append(want, map[string]string{"x": "record:0:4:0", "y": "record:0:5:0"}[unit]))
		}
		synctest.Wait() // all wait
		r.fetch(r.writeUnits(0, "x", "y")...)
		before := r.kafka.reads
		<-r.log.turns
		for n, tail := range tails {
			tail.want(wants[n]...)
		}
		if reads := r.kafka.reads - before; reads != 1 {
			t.Errorf("%d readers were needed", reads)
		}
		r.fetch(r.writeUnits(1, "y", "x")...)
		tails[0].want("record:1:3:0")
		if cursor, _ := tails[0].Cursor(); cursor.Places[0].Offset != 6 || cursor.Places[1].Offset != 4 {
			t.Errorf("the cursor is at %v", cursor.Places)
		}
	})
}

// pausingLog has its readers wait for a word.
type pausingLog struct {
	*fakeLog

	paused chan struct{} // a reader waits
	goOn   chan struct{}
}

func (p *pausingLog) Read(ctx context.Context, at proxy.Places) (Reader, error) {
	p.paused <- struct{}{}
	<-p.goOn
	return p.fakeLog.Read(ctx, at)
}

// TestWhatComesDuringASweepFollows has records come, and a tail get another condition, while a sweep is about to read.
func TestWhatComesDuringASweepFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		source := &pausingLog{r.kafka, make(chan struct{}), make(chan struct{})}
		r.log.source = source
		r.open(TailOptions{})
		r.fetch(r.writeUnits(0, "x", "y")...)
		r.log.turns <- struct{}{}
		begin := TailOptions{At: proxy.Places{0: {}}, Selection: ofUnit("x")}
		stays, changes := r.open(begin), r.open(begin)
		synctest.Wait() // both wait
		<-r.log.turns
		<-source.paused
		r.fetch(r.writeUnits(0, "x", "y", "x")...)
		changes.Select(ofUnit("y"))
		close(source.goOn)
		go func() {
			for range source.paused {
				continue
			}
		}()
		stays.want("record:0:0:0", "record:0:2:0", "record:0:4:0")
		changes.want("record:0:1:0", "record:0:3:0")
		r.fetch(r.writeUnits(0, "x", "y")...)
		stays.want("record:0:5:0")
		changes.want("record:0:6:0")
		changes.Close()
		stays.Close()
		close(source.paused)
	})
}

// TestASweepOfAnotherHistoryIsOfNoUse has the log get other records in the place of those that the ring has, which does not
// know yet: what these are must not tell which of those of the ring are wanted.
func TestASweepOfAnotherHistoryIsOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.open(TailOptions{})
		r.fetch(r.writeUnits(0, "x", "y", "y", "y")...)
		r.kafka.change(func() { r.kafka.partitions[0].truncate(2) })
		r.writeUnits(0, "x", "x")
		tail := r.open(TailOptions{At: proxy.Places{0: {Offset: 1}}, Selection: ofUnit("x")})
		tail.want("record:0:2:1", "record:0:3:1")
	})
}

// TestATailThatTakesTheLatestJoinsTheRingWhereItIs while nobody may read the log. It is given the newest record of each key.
func TestATailThatTakesTheLatestJoinsTheRingWhereItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.open(TailOptions{})
		r.fetch(r.write(0, "a", "b", "a")...)
		r.fetch(r.write(0, "c", "b")...)
		r.log.turns <- struct{}{}
		at := proxy.Places{0: {}}
		r.open(TailOptions{At: at, Slow: SlowLatest}).want("record:0:2:0", "record:0:3:0", "record:0:4:0", "conflated:2:0:0")
		byKey := r.open(TailOptions{At: at, Slow: SlowLatest, Selection: ofKeys("b")})
		byKey.want("record:0:4:0", "conflated:1:0:0")
		r.fetch(r.write(0, "b", "b")...)
		byKey.want("record:0:5:0", "record:0:6:0")
	})
}

// TestTailsWithConditionsThatTakeTheLatestShareAReader and are given the newest record of each key that meets the condition.
func TestTailsWithConditionsThatTakeTheLatestShareAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		r.open(TailOptions{})
		r.fetch(r.writeUnits(0, "x", "y", "x", "y", "x")...)
		begin := TailOptions{At: proxy.Places{0: {}}, Slow: SlowLatest, Selection: ofUnit("x")}
		r.open(begin).want("record:0:4:0", "conflated:2:0:0")
	})
}

// TestALongSweepIsGivenUp where the log has more than a sweep may hold: each tail reads for itself then.
func TestALongSweepIsGivenUp(t *testing.T) {
	const most = 100
	r := newRig(t, 1, 1<<20)
	r.writeUnits(0, slices.Repeat([]string{"x"}, 10*most)...)
	s := newSweep(most)
	s.from, s.until = proxy.Places{0: {}}, proxy.Places{0: {Offset: 10 * most}}
	if err := s.read(r.log); !errors.Is(err, errSwept) {
		t.Errorf("%d records were read: %v", s.count, err)
	}
	if held := len(s.records[0]); held < most || held > 2*most {
		t.Errorf("%d records are held", held)
	}
}

// TestATailThatIsAheadOfTheRingIsGivenNothingAgain has the ring come to the place of a tail while a sweep is about to read.
func TestATailThatIsAheadOfTheRingIsGivenNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, 1<<20)
		source := &pausingLog{r.kafka, make(chan struct{}), make(chan struct{})}
		r.log.source = source
		r.open(TailOptions{})
		written := r.writeUnits(0, "x", "x", "x")
		ahead := r.open(TailOptions{At: proxy.Places{0: {Offset: 2}}, Selection: ofUnit("x")})
		<-source.paused
		r.fetch(written[:2]...)
		close(source.goOn)
		ahead.want()
		r.fetch(written[2])
		ahead.want("record:0:2:0")
	})
}
