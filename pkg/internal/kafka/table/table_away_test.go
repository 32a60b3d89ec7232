package table

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// testTableAwayForTooLong cuts a table off for longer than its topic keeps tombstones. It must begin
// anew: compaction may have removed tombstones that it has not read.
func testTableAwayForTooLong(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "away", func(o *Options) { o.DeleteRetention = time.Second })
	mustAdd(t, table, "a=1 b=2")
	awaitText(t, n, "a=1 b=2")
	r.gate.Cut()
	r.produce(t, "away", "b=-")
	time.Sleep(1500 * time.Millisecond) // more than the retention
	r.gate.Mend()
	if why := awaitRestart(t, n); !strings.Contains(why, "not read for longer than it keeps tombstones") {
		t.Errorf("restarted since %q", why)
	}
	awaitText(t, n, "a=1 b=2 b=-")
	awaitReady(t, table)
	mustAdd(t, table, "c=3")
	awaitText(t, n, "a=1 b=2 b=- c=3")
	if why := n.why(); len(why) != 2 {
		t.Errorf("restarts: %q", why)
	}
}

// TestTimeAwayIsTakenFromTheTopic uses a topic that keeps tombstones for longer, or less long, than a
// table would have it.
func TestTimeAwayIsTakenFromTheTopic(t *testing.T) {
	t.Parallel()
	r := newTableRig(t, manyBrokers(t, 1)...)
	for topic, test := range map[string]struct{ is, want string }{
		"early": {"1000", "may be removed too early"},
		"late":  {"86400000", "keeps tombstones for longer than needed"},
	} {
		r.create(t, topic, 1, append(stateSettings[:3:3], "delete.retention.ms="+test.is)...)
		r.opened(t, topic)
		if text := r.text.String(); !strings.Contains(text, test.want) || !strings.Contains(text, "--entity-name "+topic+" --add-config delete.retention.ms=300000") {
			t.Errorf("%s: the log is %s", topic, text)
		}
	}
	now := time.Now()
	a := away{retention: time.Second}
	for i, step := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {time.Second, false}, {1001 * time.Millisecond, true}, {0, false}} {
		if now = now.Add(step.after); a.answer(now) != step.want {
			t.Errorf("answer %d: want %v", i, step.want)
		}
	}
}

// manyBrokers starts a cluster, and returns its addresses.
func manyBrokers(t *testing.T, n int) []string {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker.ListenAddrs()
}
