package table

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestTableOnKafka runs the tests that run on kfake, and those that need the restart of a broker, on
// Apache Kafka.
func TestTableOnKafka(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	broker := kafka.RequireOwn(t, kafka.Options{DataDir: data, Properties: map[string]string{"log.cleaner.backoff.ms": "100"}})
	t.Run("as on kfake", func(t *testing.T) {
		for name, test := range tableTests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newTableRig(t, broker.Addr()))
			})
		}
	})
	t.Run("compaction", func(t *testing.T) { testTableCompaction(newTableRig(t, broker.Addr())) })
	t.Run("a broker that hangs", func(t *testing.T) { testTableHangs(newTableRig(t, broker.Addr()), broker) })
	t.Run("a broker that crashes", func(t *testing.T) { testTableCrash(newTableRig(t, broker.Addr()), broker, data) })
}

// testTableCompaction follows a topic, from its first record on, while it is compacted. A table that is
// opened later reads fewer records, with the same final state.
func testTableCompaction(r *tableRig) {
	t := r.t
	r.create(t, "compaction", 1, "cleanup.policy=compact", "message.timestamp.type=LogAppendTime",
		"segment.ms=50", "min.cleanable.dirty.ratio=0.01", "delete.retention.ms=0")
	anyLag := func(o *Options) { o.MinCompactionLag = 0 }
	table, n := r.opened(t, "compaction", anyLag)
	mustAdd(t, table, "k=first kept=1 gone=1 gone=-")
	want := 4
	kafkatest.Await(t, "the first records to be compacted away", func() bool {
		mustAdd(t, table, "k=next") // into a new segment, so that the previous one can be compacted
		want++
		later, notes := r.opened(t, "compaction", anyLag)
		defer later.Close(kafkatest.Deadline(t))
		return !strings.Contains(notes.text(), "gone") && strings.HasPrefix(notes.text(), "kept=1 k=next")
	})
	kafkatest.Await(t, "all records", func() bool { return len(strings.Fields(n.text())) == want })
	if why := n.why(); len(why) != 1 {
		t.Errorf("restarts: %q", why)
	}
}

// testTableHangs appends while the broker does not answer in time.
func testTableHangs(r *tableRig, broker *kafka.Broker) {
	t := r.t
	table, n := r.opened(t, "hangs", func(o *Options) { o.AppendTimeout = 2 * time.Second })
	warmUp(t, table)
	must(t, broker.Pause())
	kafkatest.Await(t, "the broker to hang", func() bool { // stopping all of its threads takes a moment
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return r.client.Ping(ctx) != nil
	})
	start := time.Now()
	err := add(t, table, "b=2 c=3")
	took := time.Since(start)
	must(t, broker.Resume())
	if err == nil || took > 7*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
	warmUp(t, table)
	mustAdd(t, table, "d=4")
	// The failed record was sent, so it may be in the log, but not after the successful ones, and not
	// twice.
	kafkatest.Await(t, "d=4", func() bool { return slices.Contains([]string{"b=2 c=3 d=4", "d=4"}, cooled(n)) })
	mustAdd(t, table, "e=5")
	kafkatest.Await(t, "e=5", func() bool { return slices.Contains([]string{"b=2 c=3 d=4 e=5", "d=4 e=5"}, cooled(n)) })
	if why := n.why(); len(why) != 1 {
		t.Errorf("restarts: %q", why)
	}
}

// testTableCrash kills the broker. When it is back, one topic is unchanged, one has lost its records,
// and one has got more records than it lost before its table sees it again.
func testTableCrash(r *tableRig, broker *kafka.Broker, data string) {
	t := r.t
	away := newTableRig(t, broker.Addr()) // with its own network
	kept, keptNotes := r.opened(t, "kept")
	cut, cutNotes := r.opened(t, "cut")
	grown, grownNotes := away.opened(t, "grown")
	for _, table := range []*Table{kept, cut, grown} {
		mustAdd(t, table, "a=1 b=2 c=3")
	}
	for _, n := range []*notebook{keptNotes, cutNotes, grownNotes} {
		awaitText(t, n, "a=1 b=2 c=3")
	}
	away.gate.Cut()
	must(t, broker.Kill())
	empty(t, filepath.Join(data, "cut-0"))
	empty(t, filepath.Join(data, "grown-0"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, broker.Restart(ctx))
	r.produce(t, "grown", "n=1 n=2 n=3 n=4 n=5")
	away.gate.Mend()

	for _, n := range []*notebook{cutNotes, grownNotes} {
		if why := awaitRestart(t, n); !strings.Contains(why, " was truncated") {
			t.Errorf("restarted since %q", why)
		}
	}
	awaitText(t, grownNotes, "n=1 n=2 n=3 n=4 n=5")
	for _, table := range []*Table{kept, cut, grown} {
		awaitReady(t, table)
		mustAdd(t, table, "d=4")
	}
	awaitText(t, keptNotes, "a=1 b=2 c=3 d=4")
	awaitText(t, cutNotes, "d=4")
	awaitText(t, grownNotes, "n=1 n=2 n=3 n=4 n=5 d=4")
	if why := keptNotes.why(); len(why) != 1 {
		t.Errorf("what was kept restarted: %q", why)
	}
}

// empty removes the segments of a partition's log, as after the loss of a disk.
func empty(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds %q: %v", dir, files, err)
	}
	for _, file := range files {
		must(t, os.Remove(file))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
