package socket

import (
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// stamp is the timestamp that a test gives the record at an offset.
func stamp(offset int64) int64 { return 1_000_000 + offset }

func TestHistory(t *testing.T) {
	type added struct{ from, to, step int64 } // offsets
	for name, test := range map[string]struct {
		add   []added
		holds []delivered
		lacks []delivered
	}{
		"nothing": {nil, nil, []delivered{{0, 0}, {0, stamp(0)}}},
		"one": {
			[]added{{7, 7, 1}},
			[]delivered{{7, stamp(7)}},
			[]delivered{{7, stamp(6)}, {6, stamp(6)}, {8, stamp(8)}, {-1, stamp(-1)}},
		},
		"gaps, as compaction and transactions leave them": {
			[]added{{10, 30, 10}},
			[]delivered{{10, stamp(10)}, {20, stamp(20)}, {30, stamp(30)}},
			[]delivered{{15, stamp(15)}, {20, stamp(15)}, {31, stamp(31)}},
		},
		"the last ones are exact": {
			[]added{{0, 200_000, 1}},
			[]delivered{{200_000, stamp(200_000)}, {200_000 - historySize + 1, stamp(200_000 - historySize + 1)}},
			[]delivered{{200_000, 0}, {200_000 - historySize + 1, 0}, {200_001, stamp(200_001)}},
		},
		"older ones are known by their range": {
			[]added{{5, 200_000, 1}},
			[]delivered{{5, stamp(5)}, {5, 0}, {100, 42}, {200_000 - historySize - 2*spanSize, 0}},
			[]delivered{{4, stamp(4)}},
		},
		"going back": {
			[]added{{100, 200, 1}, {150, 160, 1}},
			[]delivered{{100, stamp(100)}, {149, stamp(149)}, {160, stamp(160)}},
			[]delivered{{161, stamp(161)}, {200, stamp(200)}},
		},
		"going back before the first": {
			[]added{{100, 200, 1}, {50, 60, 1}},
			[]delivered{{50, stamp(50)}, {60, stamp(60)}},
			[]delivered{{49, stamp(49)}, {61, stamp(61)}, {100, stamp(100)}},
		},
		"going back into the range": {
			[]added{{0, 200_000, 1}, {1000, 1000, 1}},
			[]delivered{{999, 0}, {1000, stamp(1000)}},
			[]delivered{{1000, 0}, {1001, stamp(1001)}},
		},
		"spans that go back": {
			[]added{{0, 1000, 1}, {spanSize, 2*spanSize - 1, 1}, {spanSize - 1, spanSize - 1, 1}, {spanSize, 3*spanSize + 5, 2}},
			[]delivered{{0, stamp(0)}, {spanSize - 2, stamp(spanSize - 2)}, {spanSize - 1, stamp(spanSize - 1)}, {spanSize, stamp(spanSize)}, {3*spanSize + 4, stamp(3*spanSize + 4)}},
			[]delivered{{spanSize - 1, 0}, {spanSize + 1, stamp(spanSize + 1)}, {3*spanSize + 5, stamp(3*spanSize + 5)}, {1000, stamp(1000)}},
		},
		"the same again": {
			[]added{{1, 3, 1}, {3, 4, 1}},
			[]delivered{{1, stamp(1)}, {3, stamp(3)}, {4, stamp(4)}},
			[]delivered{{5, stamp(5)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var h history
			for _, s := range test.add {
				for offset := s.from; offset <= s.to; offset += s.step {
					h.add(offset, stamp(offset))
				}
			}
			for _, d := range test.holds {
				if !h.holds(d.offset, d.timestamp) {
					t.Errorf("%v is not held", d)
				}
			}
			for _, d := range test.lacks {
				if h.holds(d.offset, d.timestamp) {
					t.Errorf("%v is held", d)
				}
			}
			if n := h.count(); n > historySize+2*spanSize {
				t.Errorf("%d records are remembered exactly", n)
			}
		})
	}
}

// TestHistoryIsExact has few records. [TestLongHistoryIsExact] has more.
func TestHistoryIsExact(t *testing.T) { wantExactHistory(t, 2_000) }

func TestLongHistoryIsExact(t *testing.T) { wantExactHistory(t, 20_000) }

// wantExactHistory compares a history with a map, for timestamps and gaps of any size, and delivery that
// goes back at times.
func wantExactHistory(t *testing.T, records int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var h history
	want := map[int64]int64{}
	next := int64(0)
	for range records {
		if random.IntN(1000) == 0 {
			next = max(0, next-random.Int64N(2000))
			for offset := range want {
				if offset >= next {
					delete(want, offset)
				}
			}
		}
		next += int64(1) << random.IntN(8)
		want[next] = [...]int64{stamp(next), -1, math.MaxInt64, math.MinInt64, random.Int64()}[random.IntN(5)]
		h.add(next, want[next])
		next++
	}
	for offset := range next + 10 {
		timestamp, is := want[offset]
		if h.holds(offset, timestamp) != is && offset >= h.first {
			t.Fatalf("offset %d: held %t, want %t", offset, !is, is)
		}
		if h.holds(offset, timestamp+1) {
			t.Fatalf("offset %d is held with another timestamp", offset)
		}
	}
}

// TestHistoryIsSmall measures what a partition keeps after many records, and after it was revoked.
func TestHistoryIsSmall(t *testing.T) {
	d := newDelivery(false, 0)
	d.assigned(map[int32]proxy.Start{0: {}})
	for offset := range int64(3 * historySize) {
		timestamp := 1_554_896_731_782 + 3*offset + offset%7 // milliseconds
		d.send(&proxy.Record{Offset: offset, Timestamp: timestamp}, 1)
	}
	size := func() (bytes int) {
		h := &d.parts[0].delivered
		for i := range h.spans {
			bytes += cap(h.spans[i].differences)
		}
		return bytes + cap(h.spans)*int(unsafe.Sizeof(span{}))
	}
	if got := size(); got > 5*historySize/2 {
		t.Errorf("%d bytes are kept for %d records", got, d.parts[0].delivered.count())
	}
	d.disown([]int32{0})
	if got := size(); got > 0 {
		t.Errorf("%d bytes are kept of a partition that was revoked", got)
	}
	for offset, want := range map[int64]proxy.Kind{0: proxy.KindNotAssigned, 3*historySize - 1: proxy.KindNotAssigned, 3 * historySize: proxy.KindUnknownMessageID} {
		if err := d.acknowledge(proxy.Position{Offset: offset}); err == nil || err.Kind != want {
			t.Errorf("the commit of offset %d: %v", offset, err)
		}
	}
}
