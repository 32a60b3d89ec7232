package share

import (
	"testing"
	"time"
)

// TestAnAnswerAfterASilenceDoesNotConfirm has a broker say nothing of a partition for a while in which it may have lost it: whatever it
// answers then, the leadership is looked up behind the next acknowledgement, once.
func TestAnAnswerAfterASilenceDoesNotConfirm(t *testing.T) {
	began := time.Unix(1, 0)
	for name, test := range map[string]struct {
		holds   int
		answers []time.Duration // when they came
		quiet   bool
	}{
		"answers without a pause":  {1, []time.Duration{quietAtMost, 2 * quietAtMost}, false},
		"an answer after a pause":  {1, []time.Duration{3 * quietAtMost}, true},
		"a pause before the last":  {1, []time.Duration{3 * quietAtMost, 4 * quietAtMost}, true},
		"a pause without a record": {0, []time.Duration{3 * quietAtMost}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := &partition{name: "t", heard: began, held: make(map[int64]*hold)}
			for offset := range int64(test.holds) {
				p.held[offset] = new(hold)
			}
			last := began
			for _, after := range test.answers {
				last = began.Add(after)
				p.hear(last)
			}
			l := &ledger{partitions: map[partitionID]*partition{p.id: p}}
			b := &batch{partitions: map[partitionID][]*hold{p.id: nil}}
			if quiet, _ := l.quiet(b, last); (len(quiet) > 0) != test.quiet {
				t.Errorf("%d partitions are to be looked up", len(quiet))
			}
		})
	}
}
