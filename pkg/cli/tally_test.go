package cli

import "testing"

// handOver hands over so many lines of one message each.
func handOver(t *tally, lines int) {
	for line := range lines {
		t.sent(line + 1)
		t.passed(line + 1)
	}
}

func TestATallyTellsWhatMayBeThereTwice(t *testing.T) {
	for name, test := range map[string]struct {
		run  func(t *tally)
		want string
	}{
		"nothing is in flight": {
			func(t *tally) {
				t.sent(1)
				t.acknowledged(1)
				t.passed(1)
			},
			"of the lines up to 1, 1 messages were acknowledged: go on with --from-line 2",
		},
		"two lines are": {
			func(t *tally) {
				handOver(t, 3)
				t.acknowledged(1)
			},
			"of the lines up to 3, 1 messages were acknowledged, and 2 that were in flight are written or not: go on with --from-line 2, and up to 2 messages may be there twice",
		},
		"of three, one was sent": {
			func(t *tally) {
				handOver(t, 3)
				t.unwritten()
				t.unwritten()
			},
			"of the lines up to 3, 0 messages were acknowledged, and 1 that were in flight are written or not: go on with --from-line 1, and up to 1 messages may be there twice",
		},
		"of two, none was sent": {
			func(t *tally) {
				handOver(t, 2)
				t.unwritten()
				t.unwritten()
			},
			"of the lines up to 2, 0 messages were acknowledged: go on with --from-line 1",
		},
		"the second half of an array is": {
			func(t *tally) {
				for range 4 {
					t.sent(1)
				}
				t.passed(1)
				t.acknowledged(1)
				t.acknowledged(1)
			},
			"of the lines up to 1, 2 messages were acknowledged, and 2 that were in flight are written or not: go on with --from-line 1, and up to 4 messages may be there twice",
		},
		"an array was handed over in part, and acknowledged": {
			func(t *tally) {
				t.sent(1)
				t.acknowledged(1)
			},
			"of the lines up to 0, 1 messages were acknowledged: go on with --from-line 1, and up to 1 messages may be there twice",
		},
		"a connection was lost": {
			func(t *tally) {
				handOver(t, 3)
				t.acknowledged(2)
				t.refused()
				t.acknowledged(1)
			},
			"of the lines up to 3, 2 messages were acknowledged: go on with --from-line 4; 1 of 2 acknowledged messages were sent again after a lost connection, and may be there twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			tally := newTally(1)
			test.run(tally)
			if got := tally.summary(); got != test.want {
				t.Errorf("it says\n%s, want\n%s", got, test.want)
			}
		})
	}
}
