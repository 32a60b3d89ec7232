package table

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// notebook is a Handler that notes its calls.
type notebook struct {
	mu       sync.Mutex
	restarts []string // reasons
	caughtUp int      // calls since the last restart
	atEnd    int      // records read before CaughtUp
	records  []note   // since the last restart
	wrong    []string // violations of the guarantees of a table
}

type note struct {
	offset     int64
	at         time.Time
	key, value string
	tombstone  bool
}

func (n *notebook) Restart(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.restarts, n.records, n.caughtUp = append(n.restarts, why), nil, 0
}

func (n *notebook) Read(offset int64, at time.Time, key, value []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.restarts) == 0 {
		n.wrong = append(n.wrong, "a record before Restart")
	}
	if last := len(n.records) - 1; last >= 0 && n.records[last].offset >= offset {
		n.wrong = append(n.wrong, fmt.Sprintf("offset %d after %d", offset, n.records[last].offset))
	}
	n.records = append(n.records, note{offset, at, string(key), string(value), value == nil})
}

func (n *notebook) CaughtUp() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.caughtUp++
	n.atEnd = len(n.records)
	if n.caughtUp > 1 {
		n.wrong = append(n.wrong, "caught up twice")
	}
}

// look runs a function under the lock.
func (n *notebook) look(see func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	see()
}

// text returns the records that were read, as "key=value key value=-".
func (n *notebook) text() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	words := make([]string, 0, len(n.records))
	for _, r := range n.records {
		if r.tombstone {
			r.value = "-"
		}
		words = append(words, r.key+"="+r.value)
	}
	return strings.Join(words, " ")
}

func (n *notebook) why() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.restarts)
}

func (n *notebook) check(t testing.TB) {
	t.Helper()
	n.look(func() {
		for _, wrong := range n.wrong {
			t.Error(wrong)
		}
	})
}

// tableRig is the environment of table tests, on kfake or Apache Kafka.
type tableRig struct {
	t       *testing.T // nil in benchmarks
	addrs   []string
	cluster *cluster.Cluster // behind the gate
	gate    *kafkatest.Gate
	admin   *kadm.Client // not behind the gate
	client  *kgo.Client
	text    *kafkatest.LockedText // the cluster's log
}

func newTableRig(t testing.TB, addrs ...string) *tableRig {
	t.Helper()
	r := &tableRig{addrs: addrs, gate: &kafkatest.Gate{}, text: &kafkatest.LockedText{}}
	r.t, _ = t.(*testing.T)
	c, err := cluster.Connect(&config.Kafka{BootstrapHosts: addrs, ClientRequestTimeout: 10 * time.Second}, cluster.Environment{
		Log:     slog.New(slog.NewTextHandler(r.text, nil)),
		Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{}),
		Dial:    r.gate.Dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r.cluster, r.client, r.admin = c, client, kadm.NewClient(client)
	return r
}

// open opens a table with the options of session state.
func (r *tableRig) open(t testing.TB, topic string, change ...func(*Options)) (*Table, *notebook) {
	t.Helper()
	n := &notebook{}
	o := Options{
		Name: "test", Topic: topic, ReplicationFactor: 3, MinCompactionLag: time.Minute, DeleteRetention: 5 * time.Minute, LogAppendTime: true,
		AppendTimeout: kafkatest.Patience, Handler: n,
	}
	for _, f := range change {
		f(&o)
	}
	table, err := Open(r.cluster, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table.Close(kafkatest.Deadline(t))
		n.check(t)
	})
	return table, n
}

// opened opens a table and waits until it is ready.
func (r *tableRig) opened(t testing.TB, topic string, change ...func(*Options)) (*Table, *notebook) {
	t.Helper()
	table, n := r.open(t, topic, change...)
	awaitReady(t, table)
	return table, n
}

func awaitReady(t testing.TB, table *Table) {
	t.Helper()
	kafkatest.Await(t, "the table to be ready", func() bool { return table.Ready() == nil })
}

func awaitText(t *testing.T, n *notebook, want string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("read: %q", n.text())
		}
	}()
	kafkatest.Await(t, fmt.Sprintf("%q", want), func() bool { return n.text() == want })
}

// awaitRestart waits for the second start of a table, and returns its reason.
func awaitRestart(t testing.TB, n *notebook) string {
	t.Helper()
	kafkatest.Await(t, "a restart", func() bool { return len(n.why()) > 1 })
	why := n.why()
	if why[0] != "" {
		t.Errorf("the first start has a reason: %q", why[0])
	}
	return why[1]
}

// pairs parses records from "key=value" words; the value "-" means a tombstone.
func pairs(text string) []Record {
	var records []Record
	for word := range strings.FieldsSeq(text) {
		key, value, _ := strings.Cut(word, "=")
		r := Record{Key: []byte(key), Value: []byte(value)}
		if value == "-" {
			r.Value = nil
		}
		records = append(records, r)
	}
	return records
}

// add appends records and waits for the result.
func add(t testing.TB, table *Table, text string) error {
	t.Helper()
	done := make(chan error, 2)
	table.Append(pairs(text), func(err error) { done <- err })
	select {
	case err := <-done:
		return err
	case <-kafkatest.Deadline(t).Done():
		t.Fatal("the records have no result")
		return nil
	}
}

func mustAdd(t testing.TB, table *Table, text string) {
	t.Helper()
	if err := add(t, table, text); err != nil {
		t.Fatal(err)
	}
}

// warmUp appends until an append succeeds: the first append of a table with a short timeout may take
// longer, on a busy machine.
func warmUp(t *testing.T, table *Table) {
	t.Helper()
	kafkatest.Await(t, "the first append", func() bool { return add(t, table, "warm=up") == nil })
}

// cooled returns the records that were read, without those of warmUp.
func cooled(n *notebook) string {
	return strings.TrimSpace(strings.ReplaceAll(n.text()+" ", "warm=up ", ""))
}

// produce writes to the topic without the table.
func (r *tableRig) produce(t testing.TB, topic, text string) {
	t.Helper()
	for _, p := range pairs(text) {
		if err := r.client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: topic, Key: p.Key, Value: p.Value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// create creates a topic, with settings given as name=value.
func (r *tableRig) create(t testing.TB, topic string, partitions int32, settings ...string) {
	t.Helper()
	configs := make(map[string]*string)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		configs[name] = &value
	}
	if _, err := r.admin.CreateTopic(kafkatest.Deadline(t), partitions, 1, configs, topic); err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "leaders of "+topic, func() bool {
		ends, err := r.admin.ListEndOffsets(kafkatest.Deadline(t), topic)
		return err == nil && ends.Error() == nil && len(ends[topic]) == int(partitions)
	})
}

func (r *tableRig) delete(t testing.TB, topic string) {
	t.Helper()
	if _, err := r.admin.DeleteTopic(kafkatest.Deadline(t), topic); err != nil {
		t.Fatal(err)
	}
}

// settings returns the settings of a topic.
func (r *tableRig) settings(t testing.TB, topic string) map[string]string {
	t.Helper()
	described, err := r.admin.DescribeTopicConfigs(kafkatest.Deadline(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]string)
	for _, c := range described[0].Configs {
		settings[c.Key] = c.MaybeValue()
	}
	return settings
}

// set changes a setting of a topic.
func (r *tableRig) set(t testing.TB, topic, name, value string) {
	t.Helper()
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}
	changed, err := r.admin.AlterTopicConfigs(kafkatest.Deadline(t), change, topic)
	if err == nil {
		err = changed[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "the setting "+name, func() bool { return r.settings(t, topic)[name] == value })
}
