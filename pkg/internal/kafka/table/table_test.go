package table

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// stateSettings are the settings that a table with LogAppendTime needs.
var stateSettings = []string{"cleanup.policy=compact", "message.timestamp.type=LogAppendTime", "min.compaction.lag.ms=60000", "delete.retention.ms=300000"}

// tableTests run on kfake and, in table_kafka_test.go, on Apache Kafka.
var tableTests = map[string]func(*tableRig){
	"creates the topic":            testTableCreates,
	"two create at once":           testTableCreatedAtOnce,
	"refuses unusable topics":      testTableRefuses,
	"warns of a short lag":         testTableWarns,
	"replays and follows":          testTableReplays,
	"appends and reads back":       testTableAppends,
	"recreated topic":              testTableRecreated,
	"deleted topic":                testTableDeleted,
	"deleted records":              testTableDeletedRecords,
	"records deleted before":       testTableStartsLater,
	"transaction markers":          testTableMarkers,
	"an outage":                    testTableOutage,
	"appends in an outage":         testTableAppendsInOutage,
	"a record comes without delay": testTableLatency,
	"away for too long":            testTableAwayForTooLong,
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, test := range tableTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(newTableRig(t, kafkatest.Broker(t).ListenAddrs()...))
		})
	}
}

func testTableCreates(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "creates", func(o *Options) { o.SegmentAge = time.Hour })
	if why := n.why(); len(why) != 1 || why[0] != "" {
		t.Errorf("started with %q", why)
	}
	n.look(func() {
		if n.caughtUp != 1 || len(n.records) != 0 {
			t.Errorf("an empty table: caught up %d times, %d records", n.caughtUp, len(n.records))
		}
	})
	if lag := table.Lag(); lag != 0 {
		t.Errorf("a lag of %d", lag)
	}
	settings := r.settings(t, "creates")
	for name, want := range map[string]string{
		"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime", "min.compaction.lag.ms": "60000", "delete.retention.ms": "300000",
		"segment.ms": "3600000", "segment.bytes": "67108864", "min.insync.replicas": "1",
	} {
		if settings[name] != want {
			t.Errorf("%s is %q", name, settings[name])
		}
	}
	topics, err := r.admin.ListTopics(kafkatest.Deadline(t), "creates")
	if err != nil || len(topics["creates"].Partitions) != 1 || topics["creates"].Partitions.NumReplicas() != 1 {
		t.Errorf("got %v, %v", topics, err)
	}
	if !strings.Contains(r.text.String(), "replicationFactor=3 brokers=1") {
		t.Errorf("no warning of fewer brokers: %s", r.text)
	}
}

func testTableCreatedAtOnce(r *tableRig) {
	t := r.t
	first, _ := r.open(t, "atonce")
	second, _ := r.open(t, "atonce")
	awaitReady(t, first)
	awaitReady(t, second)
}

func testTableRefuses(r *tableRig) {
	t := r.t
	for name, test := range map[string]struct {
		partitions int32
		settings   []string
		change     func(*Options)
		want       []string
	}{
		"two partitions": {
			2, stateSettings, nil,
			[]string{"has 2 partitions and must have one", "kafka-topics.sh --bootstrap-server " + r.addrs[0] + " --delete --topic twopartitions"},
		},
		"not compacted": {
			1,
			[]string{"cleanup.policy=delete", "message.timestamp.type=LogAppendTime"},
			nil,
			[]string{
				"has cleanup.policy=delete and must have cleanup.policy=compact",
				"kafka-configs.sh --bootstrap-server " + r.addrs[0] + " --alter --entity-type topics --entity-name notcompacted --add-config cleanup.policy=compact",
			},
		},
		"compacted and deleted": {
			1,
			[]string{"cleanup.policy=compact,delete", "message.timestamp.type=LogAppendTime"},
			nil,
			[]string{"must have cleanup.policy=compact."},
		},
		"time of producers": {
			1,
			[]string{"cleanup.policy=compact"},
			nil,
			[]string{"has message.timestamp.type=CreateTime and must have message.timestamp.type=LogAppendTime"},
		},
		"neither": {
			1, nil, nil,
			[]string{"--add-config cleanup.policy=compact,message.timestamp.type=LogAppendTime"},
		},
		"not compacted where any time will do": {
			1, nil, func(o *Options) { o.LogAppendTime = false },
			[]string{"has cleanup.policy=delete and must have cleanup.policy=compact."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			topic := strings.ReplaceAll(name, " ", "")
			r.create(t, topic, test.partitions, test.settings...)
			if test.change == nil {
				test.change = func(*Options) {}
			}
			table, n := r.open(t, topic, test.change)
			select {
			case err := <-table.Failed():
				for _, want := range append(test.want, "Topic "+topic+" ") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q is not in: %v", want, err)
					}
				}
				if ready := table.Ready(); ready == nil || ready.Error() != err.Error() {
					t.Errorf("ready: %v", ready)
				}
			case <-kafkatest.Deadline(t).Done():
				t.Fatal("it was not refused")
			}
			if n.why() != nil {
				t.Error("it was read all the same")
			}
		})
	}
}

func testTableWarns(r *tableRig) {
	t := r.t
	r.create(t, "short", 1, "cleanup.policy=compact", "message.timestamp.type=LogAppendTime", "min.compaction.lag.ms=1000")
	r.opened(t, "short")
	for _, want := range []string{"compacted too early", "is=1000", "--entity-name short --add-config min.compaction.lag.ms=60000"} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("%q is not in: %s", want, r.text)
		}
	}
}

func testTableReplays(r *tableRig) {
	t := r.t
	r.create(t, "replays", 1, stateSettings...)
	before := time.Now().Truncate(time.Millisecond)
	r.produce(t, "replays", "a=1 b=2 a=3 b=- c=")
	table, n := r.opened(t, "replays")
	n.look(func() {
		if n.atEnd != 5 {
			t.Errorf("caught up after %d records", n.atEnd)
		}
		if at := n.records[0].at; at.Before(before) || at.After(time.Now()) {
			t.Errorf("the time of a record is %v", at)
		}
	})
	if got := n.text(); got != "a=1 b=2 a=3 b=- c=" {
		t.Errorf("got %q", got)
	}
	r.produce(t, "replays", "d=4 a=-")
	awaitText(t, n, "a=1 b=2 a=3 b=- c= d=4 a=-")
	if why := n.why(); len(why) != 1 {
		t.Errorf("restarts: %q", why)
	}
	kafkatest.Await(t, "no lag", func() bool { return table.Lag() == 0 })
}

func testTableAppends(r *tableRig) {
	t := r.t
	first, seen := r.opened(t, "appends")
	second, too := r.opened(t, "appends")
	mustAdd(t, first, "a=1 b=2 c=3")
	mustAdd(t, second, "a=4 b=-")
	mustAdd(t, first, "a=-")
	for _, n := range []*notebook{seen, too} {
		awaitText(t, n, "a=1 b=2 c=3 a=4 b=- a=-")
	}
}

func testTableRecreated(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "recreated")
	mustAdd(t, table, "a=1 b=2 c=3")
	awaitText(t, n, "a=1 b=2 c=3")
	// The table does not see that the topic is deleted, and the new log is longer than the part that it
	// had read.
	r.gate.Cut()
	r.delete(t, "recreated")
	kafkatest.Await(t, "the topic to be gone", func() bool {
		topics, err := r.admin.ListTopics(kafkatest.Deadline(t), "recreated")
		return err == nil && topics["recreated"].Err != nil
	})
	r.create(t, "recreated", 1, stateSettings...)
	r.produce(t, "recreated", "n=1 n=2 n=3 n=4 n=5 n=6")
	r.gate.Mend()
	if why := awaitRestart(t, n); why != "topic recreated was recreated" {
		t.Errorf("restarted since %q", why)
	}
	awaitText(t, n, "n=1 n=2 n=3 n=4 n=5 n=6")
	awaitReady(t, table)
	mustAdd(t, table, "n=7")
	awaitText(t, n, "n=1 n=2 n=3 n=4 n=5 n=6 n=7")
	if why := n.why(); len(why) != 2 {
		t.Errorf("restarts: %q", why)
	}
}

func testTableDeleted(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "deleted")
	mustAdd(t, table, "a=1")
	awaitText(t, n, "a=1")
	start := time.Now()
	r.delete(t, "deleted")
	if why := awaitRestart(t, n); why != "topic deleted was recreated" {
		t.Errorf("restarted since %q", why)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("noticed after %v", took)
	}
	awaitReady(t, table)
	awaitText(t, n, "")
	mustAdd(t, table, "b=2")
	awaitText(t, n, "b=2")
	if policy := r.settings(t, "deleted")["cleanup.policy"]; policy != "compact" {
		t.Errorf("the new one has cleanup.policy=%s", policy)
	}
}

func testTableDeletedRecords(r *tableRig) {
	t := r.t
	for name, test := range map[string]struct {
		before int64
		want   string
	}{
		"some": {2, "c=3"},
		"all":  {3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			topic := "records." + name
			table, n := r.opened(t, topic)
			mustAdd(t, table, "a=1 b=2 c=3")
			awaitText(t, n, "a=1 b=2 c=3")
			start := time.Now()
			r.deleteRecords(t, topic, test.before)
			if why := awaitRestart(t, n); !strings.HasPrefix(why, "the records of topic "+topic+" before offset") {
				t.Errorf("restarted since %q", why)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("noticed after %v", took)
			}
			awaitReady(t, table)
			awaitText(t, n, test.want)
			mustAdd(t, table, "d=4")
			awaitText(t, n, strings.TrimSpace(test.want+" d=4"))
			if why := n.why(); len(why) != 2 {
				t.Errorf("restarts: %q", why)
			}
		})
	}
}

// deleteRecords deletes the records before an offset. Kafka refuses that for topics that are compacted
// only.
func (r *tableRig) deleteRecords(t *testing.T, topic string, before int64) {
	t.Helper()
	r.set(t, topic, "cleanup.policy", "compact,delete")
	defer r.set(t, topic, "cleanup.policy", "compact")
	offsets := make(kadm.Offsets)
	offsets.Add(kadm.Offset{Topic: topic, At: before})
	deleted, err := r.admin.DeleteRecords(kafkatest.Deadline(t), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func testTableStartsLater(r *tableRig) {
	t := r.t
	r.create(t, "later", 1, stateSettings...)
	r.produce(t, "later", "a=1 b=2 c=3")
	r.deleteRecords(t, "later", 2)
	_, n := r.opened(t, "later")
	awaitText(t, n, "c=3")
	n.look(func() {
		if n.records[0].offset != 2 || len(n.restarts) != 1 {
			t.Errorf("offset %d, restarts %q", n.records[0].offset, n.restarts)
		}
	})
}

// testTableMarkers uses a log that ends without a record: with the marker of a transaction's end.
func testTableMarkers(r *tableRig) {
	t := r.t
	r.create(t, "markers", 1, stateSettings...)
	writer, err := kgo.NewClient(kgo.SeedBrokers(r.addrs...), kgo.TransactionalID("markers"), kgo.DefaultProduceTopic("markers"))
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	transact := func(value string, end kgo.TransactionEndTry) {
		t.Helper()
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := writer.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Key: []byte("k"), Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := writer.EndTransaction(kafkatest.Deadline(t), end); err != nil {
			t.Fatal(err)
		}
	}
	transact("1", kgo.TryCommit)
	transact("2", kgo.TryAbort)
	table, n := r.opened(t, "markers")
	awaitText(t, n, "k=1 k=2") // a table reads uncommitted records, too
	if lag := table.Lag(); lag != 0 {
		t.Errorf("a lag of %d", lag)
	}
	transact("3", kgo.TryCommit)
	mustAdd(t, table, "k=4")
	awaitText(t, n, "k=1 k=2 k=3 k=4")
}

func testTableOutage(r *tableRig) {
	t := r.t
	r.gate.Cut()
	table, n := r.open(t, "outage")
	kafkatest.Await(t, "the reason", func() bool { err := table.Ready(); return err != nil && err.Error() == "no broker answers" })
	r.gate.Mend()
	awaitReady(t, table)
	mustAdd(t, table, "a=1")
	awaitText(t, n, "a=1")

	r.gate.Cut()
	r.produce(t, "outage", "b=2")
	if table.Ready() != nil {
		t.Error("not ready at once: a leader's move takes a moment")
	}
	kafkatest.Await(t, "the table to see the outage", func() bool { err := table.Ready(); return err != nil && err.Error() == "no broker answers" })
	r.gate.Mend()
	awaitReady(t, table)
	mustAdd(t, table, "c=3")
	awaitText(t, n, "a=1 b=2 c=3")
	if why := n.why(); len(why) != 1 {
		t.Errorf("restarts: %q", why)
	}
}

func testTableAppendsInOutage(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "bounded", func(o *Options) { o.AppendTimeout = 2 * time.Second })
	warmUp(t, table)
	r.gate.Cut()
	start := time.Now()
	if err := add(t, table, "b=2"); err == nil || !strings.HasPrefix(err.Error(), "appending to topic bounded: ") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 7*time.Second {
		t.Errorf("failed after %v", took)
	}
	r.gate.Mend()
	warmUp(t, table)
	mustAdd(t, table, "c=3")
	kafkatest.Await(t, "c=3", func() bool { return cooled(n) == "c=3" })
}

// testTableLatency appends single records, each after the previous one was read.
func testTableLatency(r *tableRig) {
	t := r.t
	table, n := r.opened(t, "latency")
	const rounds = 50
	var shortest time.Duration
	for i := range rounds {
		start := time.Now()
		table.Append(pairs("k=v"), func(error) {})
		for read := 0; read <= i; {
			n.look(func() { read = len(n.records) })
		}
		if took := time.Since(start); i == 0 || took < shortest {
			shortest = took
		}
	}
	t.Logf("the fastest of %d records came back after %v", rounds, shortest)
	if shortest > 50*time.Millisecond { // a linger or wait of the table would show
		t.Errorf("the fastest record came back after %v", shortest)
	}
}
