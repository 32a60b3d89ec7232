package feed

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugs breaks one rule at a time: a test of that rule must notice, each time that it is run. The models,
// whose tails and rings run beside each other, find such bugs without being told, and the rare ones in one run of many.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct{ by, file, old, new string }{
		"the splice is late by one record": {
			"TestTailsJoinARing", "spot.go", "case offset < until.Offset:", "case offset <= until.Offset:",
		},
		"the splice is early by one record": {
			"TestTailsJoinARing", "spot.go", "case offset < until.Offset:", "case offset+1 < until.Offset:",
		},
		"a tail joins wherever the ring is": {
			"TestTailsJoinARing", "ring.go", "if at.Reaches(r.high) {", "if true {",
		},
		"a tail joins in another history": {
			"TestAnEmptyRingIsJoinedInItsHistoryAlone", "../../proxy/place.go", "here.Offset < place.Offset || here.IsOlder(place.Epoch)", "here.Offset < place.Offset",
		},
		"where a tail is ahead of the ring is forgotten": {
			"TestTailsJoinARing", "ring.go", "s.ahead = at.Ahead(r.high)", "s.ahead = nil",
		},
		"joining by key forgets what the ring has": {
			"TestTailsWithKeysJoinTheRingWhereTheyAre", "ring.go", "return !c.wants(at.record, selection) || take(c, at)", "return true",
		},
		"all who come at once ask where rings begin": {
			"TestOneTailFindsWhereRingsBegin", "begin.go", "\tdefer func() { <-l.beginning }()\n", "\t<-l.beginning\n",
		},
		"who begins at the end is given the past": {
			"TestRingsBeginInThePast", "tail.go", "t.spot.skipTo(ends, a.ring)", "_ = ends",
		},
		"skipping forgets where a tail was ahead": {
			"TestASkippingTail", "slow.go", "end.ahead = from.Beyond(there)", "end.ahead = nil",
		},
		"skipping hides a truncation": {
			"TestASkippingTailIsToldOfATruncation", "slow.go", "t.isVoid || t.spot.isOlderThan(there)", "t.isVoid",
		},
		"a gap is told one record too short": {
			"TestASkippingTail", "slow.go", "To: end.Offset, Reason", "To: end.Offset - 1, Reason",
		},
		"a gap is not told": {
			"TestASkippingTail", "slow.go", "t.told = newPage(encoder, gaps).controls", "_, _ = gaps, encoder",
		},
		"a ring goes on after a gap": {
			"TestARingBeginsAnewAfterATruncation", "audience.go", "a.ring.restart(from)", "_ = from",
		},
		"tails are not told that the ring begins anew": {
			"TestARingBeginsAnewAfterAGap", "tail.go", "\tt.isVoid = true\n", "",
		},
		"the spot moves before the queue is known": {
			"TestACursorIsNotBehindWhatIsYetToBeQueued", "audience.go", "\tat := a.ring.append(batch.Records, keys, batch.Next)\n", "\tat := a.ring.append(batch.Records, keys, batch.Next)\n\ta.settle()\n",
		},
		"a cursor is shared between histories": {
			"TestACursorIsOfTheHistoryOfItsTail", "audience.go", "if m.index != nil {", "if true {",
		},
		"a cursor is beyond what is held": {
			"TestConflator", "conflator.go", "c.safe, c.past = c.past[0].places, c.past[1:]", "c.safe, c.past = fetched.Clone(), nil",
		},
		"what is held is not given": {
			"TestConflator", "conflator.go", "\t\temit(h)\n", "",
		},
		"an interval is not kept": {
			"TestConflator", "conflator.go", "now.Sub(c.sent[n].at) >= c.every", "now.Sub(c.sent[n].at) >= 0",
		},
		"a catch-up keeps its turn at the end": {
			"TestACatchUpGivesItsTurnBack", "catch_up.go", "brief, cancel := context.WithTimeout(ctx, d)", "brief, cancel := context.WithCancel(ctx)\n\t_ = d",
		},
		"the newest is left out": {
			"TestAQueueThatConflates", "queue.go", "q.records[i].isGone = true\n\t\tq.waits--", "q.records[i].isGone = true",
		},
		"a cut is taken early": {
			"TestWhatFollowsASnapshotIsNotInIt", "snapshot.go", "t.log.endOf(t.audience), true, t.openQueue()", "spot{begin: proxy.Places{}, chunk: 0}, true, t.openQueue()",
		},
		"a tombstone does not remove": {
			"TestATombstoneRemoves", "table.go", "if r.Value == nil && t.isBuilt {", "if false {",
		},
		"what a snapshot still has is not charged": {
			"TestWhatASnapshotStillHasIsCharged", "versions.go", "s.replaced = append(s.replaced, all...)\n", "s.replaced = append(s.replaced, all...)\n\tfor _, v := range all {\n\t\ts.shared.charge(-sizeOf(v.record))\n\t}\n",
		},
		"what a snapshot had is not given back": {
			"TestWhatASnapshotStillHasIsCharged", "tail.go", "\tt.leaveSnapshots()\n", "",
		},
		"a snapshot loses what is replaced": {
			"TestASnapshotIsOfOneMoment", "versions.go", "n = sort.Search(n, func(i int) bool { return s.replaced[i].replaced > number })", "_ = number",
		},
		"a snapshot has what was replaced before": {
			"TestASnapshotIsOfOneMoment", "versions.go", "v.replaced > number)", "v.replaced >= number)",
		},
		"who takes no snapshot keeps it": {
			"TestWhoTakesNoSnapshotCostsNoOther", "tables.go", "keeping.endOldest()", "return held, true",
		},
		"who takes the place of one that was ended goes on": {
			"TestWhoTakesThePlaceOfOneThatWasEndedHasEnded", "snapshot.go", "\ts.tail = t\n", "",
		},
		"what comes during a sweep is forgotten": {
			"TestWhatComesDuringASweepFollows", "sweep.go", "t.queue.records[t.queue.done:], func", "nil, func",
		},
		"a sweep serves who wants something else by now": {
			"TestWhatComesDuringASweepFollows", "sweep.go", "t.joining != c.joining || ", "",
		},
		"a sweep takes another history for that of the ring": {
			"TestASweepOfAnotherHistoryIsOfNoUse", "sweep.go", "if !is || met.epoch != c.epochs[at.record] {", "if !is {",
		},
		"tails with conditions read the log each": {
			"TestTailsWithConditionsShareAReader", "catch_up.go", "if checked == nil && t.canSweep(at) && t", "if false && t",
		},
		"nothing": {"Test[^L].*", "slow.go", "const conflatedPause = time.Second", "const conflatedPause = 1 * time.Second"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noticed, out := planted.Noticed(t, c.file, c.old, c.new, "-test.run=^("+c.by+")$")
			if noticed != (name != "nothing") {
				t.Errorf("noticed: %v\n%s", noticed, out)
			}
		})
	}
}
