package share

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugs breaks one rule of the ledger at a time: the random histories must notice.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct{ file, old, new string }{
		"a late answer counts as good":                     {"answer.go", "late := !now.Before(h.until)", "late := false"},
		"an answer that is not known counts as a loss":     {"lose.go", "if !h.sent || !h.ask.ack.settles() {", "if true {"},
		"what a worker holds is not released as it leaves": {"ledger.go", "\t\tl.request(h, last)\n", "\t\th.next = last\n"},
		"a renewal that waits keeps a release away":        {"ledger.go", "if !last.ack.settles() {", "if last.ack == noAck {"},
		"an acknowledgement behind a renewal is forgotten": {"answer.go", "\t\tl.request(h, next)\n", ""},
		"windows have one place more":                      {"ledger.go", "w.holds < w.window", "w.holds <= w.window"},
		"places are taken twice":                           {"deal.go", "return max(0, n-t.reserved), soon", "return n, soon"},
		"places are not given back":                        {"deal.go", "t.reserved -= g.records", "_ = g.records"},
		"what is lost is not told":                         {"lose.go", "\t\tw.push(event{expired: h.position()})\n", ""},
		"what was held before a leader moved stays":        {"lose.go", "\t\tl.endUncertain(h)\n", "\t\t_ = h\n"},
		"a record is settled before it was taken":          {"settle.go", "|| !h.taken ||", "||"},
		"what is not delivered is held":                    {"worker.go", "w.passed.add(one.hold)", "one.hold.taken = true; w.passed.add(one.hold)"},
		"another worker's record is settled":               {"settle.go", "|| h.worker != w ||", "||"},
		"results come out of turn":                         {"worker.go", "w.calls[n].open == 0; n++ {", "w.calls[n].open == 0 || n == 0 && len(w.calls) > 1; n++ {"},
		"a refused request is forgotten":                   {"answer.go", "\t\tp.suspect = append(p.suspect, holds[middle:], holds[:middle])\n", "\t\tp.suspect = append(p.suspect, holds[middle:])\n"},
		"what ends while it is sent is told at once":       {"lose.go", "if h.sent {\n\t\t\tl.unwatch(h)", "if false {\n\t\t\tl.unwatch(h)"},
	}
	for name, bug := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if noticed, out := planted.Noticed(t, bug.file, bug.old, bug.new, "-test.run", "TheLedger", "-histories", "4000"); !noticed {
				t.Errorf("nobody notices:\n%s", out)
			}
		})
	}
}
