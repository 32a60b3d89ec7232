package feed

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/deflate"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTailsJoinARing has tails join a ring of the records 5 to 9, of which those from 8 on are of a later leader, and
// read on when it has got two more.
func TestTailsJoinARing(t *testing.T) {
	for name, c := range map[string]struct {
		at    proxy.Place
		joins bool
		given string
		end   takeEnd
	}{
		"before the ring":             {at: proxy.Place{Offset: 4}},
		"at its begin":                {proxy.Place{Offset: 5}, true, "5 6 7 8 9 10 11", goesOn},
		"between two records":         {proxy.Place{Offset: 7}, true, "7 8 9 10 11", goesOn},
		"at its end":                  {proxy.Place{Offset: 10, Epoch: 1}, true, "10 11", goesOn},
		"where no epoch is known":     {proxy.Place{Offset: 10, Epoch: -1}, true, "10 11", goesOn},
		"beyond its end":              {proxy.Place{Offset: 11, Epoch: 1}, true, "11", goesOn},
		"in another history":          {at: proxy.Place{Offset: 10}},
		"beyond, in another history":  {at: proxy.Place{Offset: 11}},
		"between, in another history": {at: proxy.Place{Offset: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			ring := newRing(newMemory(&Options{RingBytes: 1 << 20}), 1<<20, proxy.Places{0: {Offset: 5}}, func(dst []byte, r *proxy.Record) []byte {
				return fmt.Appendf(dst, "%d ", r.Offset)
			})
			appendRecords(ring, 5, 9)
			at, joins := ring.join(proxy.Places{0: c.at})
			if joins != c.joins {
				t.Fatalf("it joins: %v, want %v", joins, c.joins)
			}
			if !joins {
				return
			}
			appendRecords(ring, 10, 11)
			var given strings.Builder
			_, end := ring.read(&at, 100, nil, func(frame []byte) bool {
				given.Write(frame)
				return true
			})
			if got := strings.TrimSpace(given.String()); got != c.given || end != c.end {
				t.Errorf("it is given %q and then %d, want %q and %d", got, end, c.given, c.end)
			}
		})
	}
}

// TestATailLearnsOfAnotherHistory joins a ring that gets records of a later leader only then.
func TestATailLearnsOfAnotherHistory(t *testing.T) {
	ring := newRing(newMemory(&Options{RingBytes: 1 << 20}), 1<<20, proxy.Places{0: {Offset: 5}}, textEncoder{}.AppendRecord)
	appendRecords(ring, 5, 7)
	at, joins := ring.join(proxy.Places{0: {Offset: 9}})
	appendRecords(ring, 8, 9)
	given, end := ring.read(&at, 100, nil, func([]byte) bool { return true })
	if !joins || given != 0 || end != otherHistory {
		t.Errorf("it joins: %v, is given %d records and then %d", joins, given, end)
	}
}

// appendRecords has a ring get records of partition 0: those from 8 on are of the epoch 1.
func appendRecords(r *ring, first, last int64) {
	for offset := first; offset <= last; offset++ {
		record := proxy.Record{Offset: offset}
		if offset >= 8 {
			record.Epoch = 1
		}
		r.append([]proxy.Record{record}, []key{{}}, nil)
	}
}

// TestAnEmptyRingIsJoinedInItsHistoryAlone has tails join a ring that has no record to tell another history by.
func TestAnEmptyRingIsJoinedInItsHistoryAlone(t *testing.T) {
	for epoch, joins := range map[int32]bool{-1: true, 0: false, 1: true, 2: true} {
		ring := newRing(newMemory(&Options{RingBytes: 1}), 1, proxy.Places{0: {Offset: 5, Epoch: 1}}, textEncoder{}.AppendRecord)
		if _, got := ring.join(proxy.Places{0: {Offset: 5, Epoch: epoch}}); got != joins {
			t.Errorf("a tail with the epoch %d joins a ring with the epoch 1: %v, want %v", epoch, got, joins)
		}
	}
}

// TestATailStaysAheadUntilItIsGivenMore has a tail that is behind offset 7, which has no record, join a ring that ends at 5:
// while the form of record 8 is missing, its place is 8.
func TestATailStaysAheadUntilItIsGivenMore(t *testing.T) {
	compressor := &deflating{deflate.NewDeflaters(), 64, map[string]int{}}
	text := strings.Repeat("text that is compressed ", 10)
	ring := newRing(newMemory(&Options{RingBytes: 1 << 20, Compressor: compressor}), 1<<20, proxy.Places{0: {Offset: 5}}, func(dst []byte, _ *proxy.Record) []byte {
		return append(append(dst, 'P'), text...)
	})
	at, joins := ring.join(proxy.Places{0: {Offset: 8, Epoch: -1}})
	if !joins {
		t.Fatal("it does not join")
	}
	appendRecords(ring, 5, 6)
	appendRecords(ring, 8, 8)
	w := &Window{}
	w.Open(math.MaxInt, true)
	given, end := ring.read(&at, 100, w.forTail(true), func([]byte) bool { return true })
	if place := at.places()[0].Offset; given != 0 || end != lacksForm || place != 8 {
		t.Errorf("it is given %d records and then %d, and is at %d", given, end, place)
	}
}
