package read

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// rig is the environment of tests, on kfake or Apache Kafka, with a topic of their own.
type rig struct {
	*testing.T
	hosts   []string
	topic   string
	gate    *kafkatest.Gate
	cluster *cluster.Cluster // behind the gate
	admin   *kadm.Client     // not behind the gate
	client  *kgo.Client      // writes to the partitions that records name
}

func newRig(t *testing.T, partitions int32, hosts ...string) *rig {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(hosts...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{T: t, hosts: hosts, gate: &kafkatest.Gate{}, client: client, admin: kadm.NewClient(client)}
	r.topic = fmt.Sprintf("%s-%d", strings.Map(nameRune, t.Name()), time.Now().UnixNano())
	r.cluster = clustertest.ConnectThrough(t, r.gate.Dial, hosts...)
	if partitions > 0 {
		r.create(partitions)
	}
	return r
}

func nameRune(r rune) rune {
	if r == '/' || r == ',' || r == '\'' || r == '#' {
		return '-'
	}
	return r
}

func (r *rig) create(partitions int32, settings ...string) {
	r.Helper()
	configs := make(map[string]*string)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		configs[name] = &value
	}
	if _, err := r.admin.CreateTopic(kafkatest.Deadline(r), partitions, 1, configs, r.topic); err != nil {
		r.Fatal(err)
	}
	r.awaitPartitions(partitions)
}

// awaitPartitions waits until all partitions have leaders.
func (r *rig) awaitPartitions(partitions int32) {
	r.Helper()
	kafkatest.Await(r, "the partitions to have leaders", func() bool {
		listed, err := r.admin.ListEndOffsets(kafkatest.Deadline(r), r.topic)
		return err == nil && listed.Error() == nil && len(listed[r.topic]) == int(partitions)
	})
}

// hold opens the topic with the proxy's own identity.
func (r *rig) hold() *cluster.Topic {
	r.Helper()
	topics := r.cluster.WatchTopics()
	r.Cleanup(topics.Close)
	var topic *cluster.Topic
	kafkatest.Await(r, "the topic to be shown", func() (opened bool) {
		held, err := topics.OpenFor(kafkatest.Deadline(r), cluster.Access{Topic: r.topic})
		topic = held
		return err == nil
	})
	r.Cleanup(topic.Close)
	return topic
}

func (r *rig) source() *Source {
	r.Helper()
	return New(r.cluster, Options{Topic: r.hold()})
}

func (r *rig) committed() *Source {
	r.Helper()
	return New(r.cluster, Options{Topic: r.hold(), ReadCommitted: true})
}

// write writes values to a partition, one after the other.
func (r *rig) write(partition int32, values ...string) {
	r.Helper()
	for _, v := range values {
		if err := r.client.ProduceSync(kafkatest.Deadline(r), &kgo.Record{Topic: r.topic, Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			r.Fatal(err)
		}
	}
}

// writer returns a client that writes in transactions.
func (r *rig) writer(options ...kgo.Opt) *kgo.Client {
	r.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(r.hosts...), kgo.TransactionalID(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}, options...)...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(client.Close)
	return client
}

// transact writes values to partition 0 in a transaction, and ends it if an end is given.
func (r *rig) transact(writer *kgo.Client, end kgo.TransactionEndTry, ends bool, values ...string) {
	r.Helper()
	if err := writer.BeginTransaction(); err != nil {
		r.Fatal(err)
	}
	for _, v := range values {
		if err := writer.ProduceSync(kafkatest.Deadline(r), &kgo.Record{Topic: r.topic, Value: []byte(v)}).FirstErr(); err != nil {
			r.Fatal(err)
		}
	}
	if !ends {
		return
	}
	if err := writer.EndTransaction(kafkatest.Deadline(r), end); err != nil {
		r.Fatal(err)
	}
}

// deleteBefore deletes the records of partition 0 before an offset.
func (r *rig) deleteBefore(offset int64) {
	r.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(r.topic, 0, offset, -1)
	answers, err := r.admin.DeleteRecords(kafkatest.Deadline(r), offsets)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		r.Fatal(err)
	}
}

// tail is a reader, and what it has returned.
type tail struct {
	*rig
	reader *Reader
	close  func()
	at     proxy.Places
	got    []string // records as partition/offset=value
	gaps   []proxy.Gap
}

func (r *rig) read(s *Source, at proxy.Places) *tail {
	r.Helper()
	reader, err := s.Read(kafkatest.Deadline(r), at)
	if err != nil {
		r.Fatal(err)
	}
	t := &tail{rig: r, reader: reader, at: at.Clone(), close: sync.OnceFunc(reader.Close)}
	r.Cleanup(func() { t.close() })
	return t
}

// poll polls once. Records that come below their place are an error.
func (t *tail) poll(ctx context.Context) error {
	t.Helper()
	batch, err := t.reader.Poll(ctx)
	if err != nil {
		return err
	}
	places := t.at.Clone()
	for _, gap := range batch.Gaps {
		places[gap.Partition] = gap.Then
	}
	for _, record := range batch.Records {
		if record.Offset < places[record.Partition].Offset {
			t.Errorf("record %d of partition %d comes at %v", record.Offset, record.Partition, places)
		}
		places[record.Partition] = proxy.Place{Offset: record.Offset + 1}
		t.got = append(t.got, fmt.Sprintf("%d/%d=%s", record.Partition, record.Offset, record.Value))
	}
	t.gaps = append(t.gaps, batch.Gaps...)
	t.at.Pass(batch)
	return nil
}

// until polls until a condition holds.
func (t *tail) until(what string, holds func() bool) {
	t.Helper()
	ctx := kafkatest.Deadline(t)
	for !holds() {
		if err := t.poll(ctx); err != nil {
			t.Fatalf("waiting for %s: %v; got %q, gaps %v", what, err, t.got, t.gaps)
		}
	}
}

// wants polls until as many records are there, and compares them.
func (t *tail) wants(records ...string) {
	t.Helper()
	t.until(fmt.Sprintf("%q", records), func() bool { return len(t.got) >= len(records) })
	if got, want := strings.Join(t.got, " "), strings.Join(records, " "); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// ends polls until an error.
func (t *tail) ends(ctx context.Context) error {
	t.Helper()
	for {
		if err := t.poll(ctx); err != nil {
			return err
		}
	}
}

// offsetsOf returns the offsets of places.
func offsetsOf(places proxy.Places) map[int32]int64 {
	all := make(map[int32]int64, len(places))
	for partition, place := range places {
		all[partition] = place.Offset
	}
	return all
}
