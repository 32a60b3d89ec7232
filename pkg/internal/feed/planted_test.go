package feed

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugs breaks one rule at a time: a model must notice.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct{ file, old, new string }{
		"the splice is late by one record": {
			"spot.go", "case offset < until.Offset:", "case offset <= until.Offset:",
		},
		"the splice is early by one record": {
			"spot.go", "case offset < until.Offset:", "case offset+1 < until.Offset:",
		},
		"a tail joins wherever the ring is": {
			"ring.go", "if at.Reaches(r.high) {", "if true {",
		},
		"a tail joins in another history": {
			"../../proxy/place.go", "here.Offset < place.Offset || here.IsOlder(place.Epoch)", "here.Offset < place.Offset",
		},
		"where a tail is ahead of the ring is forgotten": {
			"ring.go", "s.ahead = at.Beyond(r.high)", "s.ahead = nil",
		},
		"skipping forgets where a tail was ahead": {
			"slow.go", "end.ahead = from.Beyond(there)", "end.ahead = nil",
		},
		"a gap is told one record too short": {
			"slow.go", "To: end.Offset, Reason", "To: end.Offset - 1, Reason",
		},
		"a gap is not told": {
			"slow.go", "t.told = newPage(encoder, gaps).controls", "_, _ = gaps, encoder",
		},
		"a ring goes on after a gap": {
			"audience.go", "a.ring.restart(from)", "_ = from",
		},
		"tails are not told that the ring begins anew": {
			"tail.go", "\tt.isVoid = true\n", "",
		},
		"the spot moves before the queue is known": {
			"audience.go", "\tat := a.ring.append(batch.Records, batch.Next)\n", "\tat := a.ring.append(batch.Records, batch.Next)\n\ta.settle()\n",
		},
		"a cursor is beyond what is held": {
			"conflator.go", "c.safe, c.past = c.past[0].places, c.past[1:]", "c.safe, c.past = fetched.Clone(), nil",
		},
		"what is held is not given": {
			"conflator.go", "\t\temit(h)\n", "",
		},
		"an interval is not kept": {
			"conflator.go", "now.Sub(c.sent[n].at) >= c.every", "now.Sub(c.sent[n].at) >= 0",
		},
		"a catch-up keeps its turn at the end": {
			"catch_up.go", "brief, cancel := context.WithTimeout(ctx, t.log.options.Retry)", "brief, cancel := context.WithCancel(ctx)",
		},
		"the newest is left out": {
			"queue.go", "q.records[i].isGone = true\n\t\tq.waits--", "q.records[i].isGone = true",
		},
		"a cut is taken early": {
			"snapshot.go", "t.log.endOf(t.audience), true, t.openQueue()", "spot{begin: proxy.Places{}, chunk: 0}, true, t.openQueue()",
		},
		"a tombstone does not remove": {
			"table.go", "if r.Value == nil && t.isBuilt {", "if false {",
		},
		"nothing": {"slow.go", "const conflatedPause = time.Second", "const conflatedPause = 1 * time.Second"},
	}
	rare := []string{ // thousands of worlds show them
		"a catch-up keeps its turn at the end", "skipping forgets where a tail was ahead", "the spot moves before the queue is known",
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			skip := "^TestLong"
			if slices.Contains(rare, name) {
				skip = "^TestLongPlanted"
			}
			overlay := planted.Overlay(t, c.file, c.old, c.new)
			out, err := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-timeout=10m", "-skip="+skip, ".").CombinedOutput()
			if strings.Contains(string(out), "[build failed]") {
				t.Fatalf("%s", out)
			}
			if caught := err != nil; caught != (name != "nothing") {
				t.Errorf("caught: %v\n%.2000s", caught, out)
			}
		})
	}
}
