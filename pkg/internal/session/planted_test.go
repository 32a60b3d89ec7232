package session

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/planted"
)

// TestLongPlantedBugs breaks one rule at a time: the tests of the fold or the model test must notice.
func TestLongPlantedBugs(t *testing.T) {
	cases := map[string]struct{ file, old, new string }{
		"a pending claim is never void": {
			"fold.go", "at.After(f.waiting[0].expires)", "false",
		},
		"an admission that comes late counts": {
			"fold.go", "c.State == admitted && at.Sub(time.UnixMilli(c.Asked)) > lease:", "false:",
		},
		"a lapse that comes late counts": {
			"fold.go", "if at.Sub(time.UnixMilli(l.Asked)) > time.Duration(l.Lease)*time.Millisecond {", "if false {",
		},
		"the claims of a lapsed run count": {
			"fold.go", "case f.runs[c.Replica].lapsed != nil, c.State", "case c.State",
		},
		"log time passes in an outage": {
			"fold.go", "f.now += min(max(at.Sub(f.latest), 0), f.gap)", "f.now += max(at.Sub(f.latest), 0)",
		},
		"a suspicion is not read back": {
			"reading.go", "run.lapsed == nil && run.last <= s.Seen", "run.lapsed == nil",
		},
		"there are no suspicions": {
			"tick.go", "silent := r.fold.now-run.heard > r.settings.Lease", "silent := false",
		},
		"the successor is admitted beside its predecessor": {
			"reading.go", `if e.Takes != "" && r.fold.claims[e.Takes] != nil {`, "if false {",
		},
		"the topic's partitions do not count": {
			"judge.go", "return e.Partitions > 0 &&", "return false && e.Partitions > 0 &&",
		},
		"none": {"doc.go", "package session\n", "package session\n"},
		"another principal takes over": {
			"judge.go", " || !isSame(holder.principal(), e.principal()) {", " {",
		},
		"nothing is swept": {
			"tick.go", "\tr.sweep(now)\n", "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "model")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", planted.Overlay(t, c.file, c.old, c.new), "-o", program, ".")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("building: %v\n%s", err, out)
			}
			out, err := exec.CommandContext(t.Context(), program, "-test.skip", "^TestLong", "-test.failfast", "-seeds", "200").CombinedOutput()
			if name == "none" {
				if err != nil {
					t.Fatalf("there is no bug, and it is noticed: %s", out)
				}
				return
			}
			if err == nil {
				t.Fatal("nobody noticed the bug")
			}
			if !strings.Contains(string(out), "--- FAIL: Test") {
				t.Errorf("it failed in another way: %s", out)
			}
			t.Logf("%.300s", out)
		})
	}
}
