package session

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugs breaks one rule at a time: the tests of the fold or the model test must notice.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct{ file, old, new string }{
		"a pending claim is never void": {
			"fold.go", "f.elapsed > f.waiting[0].expires", "false",
		},
		"a pending claim lasts a lease": {
			"record.go", "const handshakeTime = 5 * time.Second", "const handshakeTime = 15 * time.Second",
		},
		"an admission that comes late counts": {
			"fold.go", "c.State == admitted && late(at, c.Asked, c.Valid):", "false:",
		},
		"a lapse that comes late counts": {
			"runs.go", "if late(at, l.Asked, l.Lease) {", "if false {",
		},
		"the claims of a lapsed run count": {
			"fold.go", "f.runs[c.Replica].lapsed != nil, c.State", "c.State",
		},
		"an evicted claim counts": {
			"fold.go", "case c.State == evicted, f.runs", "case f.runs",
		},
		"log time passes in an outage": {
			"fold.go", "f.now += min(step, maxGap)", "f.now += step",
		},
		"a gap is measured to the newest record": {
			"fold.go", "\tf.previous = at\n", "\tif at.After(f.previous) {\n\t\tf.previous = at\n\t}\n",
		},
		"a suspicion is not read back": {
			"reading.go", "run.lapsed == nil && run.last <= s.Seen", "run.lapsed == nil",
		},
		"there are no suspicions": {
			"tick.go", "silent := r.fold.now-run.heard > r.leaseOf(run)", "silent := false",
		},
		"a run is judged by the lease of its reader": {
			"probe.go", "if run.lease > 0 {", "if false {",
		},
		"no heartbeat fills a quiet log": {
			"beat.go", "return r.caughtUp && since >= patience && r.now.Sub(r.readAt) >= patience", "return false",
		},
		"no heartbeat is written during a replay": {
			"tick.go", "(r.caughtUp || r.beats > 0)", "r.caughtUp",
		},
		"the successor is admitted beside its predecessor": {
			"reconcile.go", `if e.Takes != "" && r.fold.claims[e.Takes] != nil {`, "if false {",
		},
		"the topic's partitions do not count": {
			"judge.go", "return e.isCapped() &&", "return false && e.isCapped() &&",
		},
		"none": {
			"doc.go", "package session\n", "package session\n",
		},
		"another principal takes over": {
			"judge.go", " || !isSame(holder.principal(), e.principal()) {", " {",
		},
		"nothing is swept": {
			"tick.go", "\tr.sweep()\n", "",
		},
		"what is lost is not written again": {
			"reconcile.go", "if r.isDue(d) && !r.yield(", "if d.sent.IsZero() && !r.yield(",
		},
		"what was acknowledged counts as written": {
			"reconcile.go", "return answer == failed || r.beatRead > d.beat", "return answer == failed",
		},
		"nothing is compared after a replay": {
			"replica.go", "\tr.beat()\n\tr.compareAll()\n}\n\n// compareAll", "\tr.beat()\n}\n\n// compareAll",
		},
		"nothing is compared after a lapse": {
			"replica.go", "\tr.id = r.newRun()\n\tr.beat()\n\tr.compareAll()", "\tr.id = r.newRun()\n\tr.beat()",
		},
		"own records that nobody wants stay": {
			"reconcile.go", "\t\treturn r.fold.owners[key] == r.id", "\t\treturn false",
		},
		"a removal ends the session": {
			"reading.go", "if a.phase == confirming || a.phase == held {\n\t\tr.decide(a)", "if a.phase == confirming || a.phase == held {\n\t\tr.end(a, errEvicted())",
		},
		"a session that was evicted is claimed again": {
			"reading.go", "\t\tr.end(a, errEvicted())", "\t\tr.decide(a)",
		},
		"a refusal is written": {
			"attempt.go", "if v.outcome != won && r.isFresh() && !r.isFreed(a, v) {", "if false {",
		},
		"an old view refuses": {
			"attempt.go", "v.outcome != won && r.isFresh() && ", "v.outcome != won && ",
		},
		"a place that was given up counts": {
			"attempt.go", " && !r.isFreed(a, v) {", " {",
		},
		"sessions end all at a time": {
			"ending.go", "n := min(len(r.ending), max(1, int(since/time.Millisecond)))", "n := min(len(r.ending), 1<<30, max(1, len(r.ending)+int(since)))",
		},
		"a probed client has no time": {
			"probe.go", "r.fold.now-a.probed >= r.settings.ProbeTimeout {", "r.fold.now-a.probed >= 0 {",
		},
		"an answer before the takeover does not count": {
			"probe.go", "case p.Alive && a.phase != confirming:", "case p.Alive && a.phase == probing:",
		},
		"an answer after the takeover counts": {
			"probe.go", "case p.Alive && a.phase != confirming:", "case p.Alive:",
		},
		"nobody is presumed gone": {
			"probe.go", "return presumed && r.fold.lastOf(id) == last", "return false && presumed && r.fold.lastOf(id) == last",
		},
		"a replica is presumed gone for good": {
			"probe.go", "return presumed && r.fold.lastOf(id) == last", "return presumed || last > 0 && r.fold.lastOf(id) == last",
		},
		"a replica with a dead client is presumed gone": {
			"probe.go", " || run.last > askedAt {", " {",
		},
		"an answer is the sign of life of who asked": {
			"fold.go", "f.heard(p.From, l.offset)", "f.heard(p.By, l.offset)",
		},
		"a session that cannot be claimed again stays beside another": {
			"cutoff.go", "\tr.contend(a, rival)\n\treturn true", "\treturn false",
		},
		"a replica that is cut off keeps its producers": {
			"cutoff.go", "case r.now.Sub(r.cutOff) > lease:", "case false:",
		},
		"questions and reports stay": {
			"tick.go", "\tr.dropKept()\n", "",
		},
		"earlier versions are asked": {
			"asking.go", " && !run.reports {", " && run == nil {",
		},
		"a report on another question counts": {
			"asking.go", " || p.Number != a.number {", " {",
		},
		"each question in turn is asked": {
			"ask.go", "if a.pace.Wait(ctx) != nil {", "if false {",
		},
		"a question is answered more than once": {
			"reporting.go", "\tclear(r.due)\n", "",
		},
		"an own question that is no one's stays": {
			"reconcile.go", "return !r.kept[key].IsZero()", "return true",
		},
		"an old question is answered": {
			"replay.go", "\t\ts.replica.fold.apply(batch[i])\n",
			"\t\tif q, is := s.replica.fold.apply(batch[i]).(*question); is && q.By != s.replica.id {\n\t\t\ts.replica.due[q.By] = q\n\t\t}\n",
		},
		"a closed replica writes": {
			"replica.go", "\tif r.left {\n\t\treturn\n\t}\n\tr.now, r.readAt", "\tr.now, r.readAt",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noticed, out := planted.Noticed(t, c.file, c.old, c.new, "-test.skip=^TestLong", "-seeds=200")
			if noticed != (name != "none") {
				t.Fatalf("noticed: %v\n%s", noticed, out)
			}
			t.Logf("%.300s", out)
		})
	}
}
