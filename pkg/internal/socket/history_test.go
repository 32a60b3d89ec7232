package socket

import (
	"testing"
)

// stamp is the timestamp that a test gives the record at an offset.
func stamp(offset int64) int64 { return 1_000_000 + offset }

func TestHistory(t *testing.T) {
	type span struct{ from, to, step int64 } // offsets that are added
	for name, test := range map[string]struct {
		add   []span
		holds []delivered
		lacks []delivered
	}{
		"nothing": {nil, nil, []delivered{{0, 0}, {0, stamp(0)}}},
		"one": {
			[]span{{7, 7, 1}},
			[]delivered{{7, stamp(7)}},
			[]delivered{{7, stamp(6)}, {6, stamp(6)}, {8, stamp(8)}, {-1, stamp(-1)}},
		},
		"gaps, as compaction and transactions leave them": {
			[]span{{10, 30, 10}},
			[]delivered{{10, stamp(10)}, {20, stamp(20)}, {30, stamp(30)}},
			[]delivered{{15, stamp(15)}, {20, stamp(15)}, {31, stamp(31)}},
		},
		"the last ones are exact": {
			[]span{{0, 200_000, 1}},
			[]delivered{{200_000, stamp(200_000)}, {200_000 - historySize + 1, stamp(200_000 - historySize + 1)}},
			[]delivered{{200_000, 0}, {200_000 - historySize + 1, 0}, {200_001, stamp(200_001)}},
		},
		"older ones are known by their range": {
			[]span{{5, 200_000, 1}},
			[]delivered{{5, stamp(5)}, {5, 0}, {100, 42}, {200_000 - historySize - historySlack, 0}},
			[]delivered{{4, stamp(4)}},
		},
		"going back": {
			[]span{{100, 200, 1}, {150, 160, 1}},
			[]delivered{{100, stamp(100)}, {149, stamp(149)}, {160, stamp(160)}},
			[]delivered{{161, stamp(161)}, {200, stamp(200)}},
		},
		"going back before the first": {
			[]span{{100, 200, 1}, {50, 60, 1}},
			[]delivered{{50, stamp(50)}, {60, stamp(60)}},
			[]delivered{{49, stamp(49)}, {61, stamp(61)}, {100, stamp(100)}},
		},
		"going back into the range": {
			[]span{{0, 200_000, 1}, {1000, 1000, 1}},
			[]delivered{{999, 0}, {1000, stamp(1000)}},
			[]delivered{{1000, 0}, {1001, stamp(1001)}},
		},
		"the same again": {
			[]span{{1, 3, 1}, {3, 4, 1}},
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
			if n := cap(h.records); n > 2*(historySize+historySlack) {
				t.Errorf("there is room for %d records", n)
			}
		})
	}
}
