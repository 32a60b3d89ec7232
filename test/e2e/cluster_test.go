package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// cluster is a Kafka that tests share, with a client of its own for direct access.
type cluster struct {
	addr   string
	real   bool // Apache Kafka, not kfake
	client *kgo.Client
	admin  *kadm.Client

	proxyOnce sync.Once
	proxy     *proxy // shared too, with the default settings
}

// shared are the clusters of this process, made when a test first needs them.
var shared = struct {
	mu             sync.Mutex
	fake           *kfake.Cluster
	onFake, onReal *cluster
	// run distinguishes the topics and groups of this process from those of others that share the broker.
	run string
}{run: fmt.Sprintf("r%d", os.Getpid())}

// onBoth runs a test against kfake and against Apache Kafka.
func onBoth(t *testing.T, test func(t *testing.T, k *cluster)) {
	t.Helper()
	t.Parallel()
	onFake(t, test)
	onReal(t, test)
}

func onFake(t *testing.T, test func(t *testing.T, k *cluster)) {
	t.Helper()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		test(t, fakeCluster(t))
	})
}

func onReal(t *testing.T, test func(t *testing.T, k *cluster)) {
	t.Helper()
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		test(t, realCluster(t))
	})
}

func fakeCluster(t *testing.T) *cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.onFake == nil {
		fake, err := startFake()
		if err != nil {
			t.Fatal(err)
		}
		shared.fake, shared.onFake = fake, newCluster(t, fake.ListenAddrs()[0])
	}
	return shared.onFake
}

func startFake() (*kfake.Cluster, error) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		return nil, fmt.Errorf("starting kfake: %w", err)
	}
	return fake, nil
}

func realCluster(t *testing.T) *cluster {
	t.Helper()
	addr := kafka.Require(t).Addr()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.onReal == nil {
		shared.onReal = newCluster(t, addr)
		shared.onReal.real = true
	}
	return shared.onReal
}

func newCluster(t *testing.T, addr string) *cluster {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(addr),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(8<<20),
		kgo.MetadataMinAge(50*time.Millisecond),
		kgo.DisableClientMetrics(),
	)
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{addr: addr, client: client, admin: kadm.NewClient(client)}
}

func closeShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, k := range []*cluster{shared.onFake, shared.onReal} {
		if k == nil {
			continue
		}
		if k.proxy != nil {
			k.proxy.app.Shutdown()
		}
		k.client.Close()
	}
	if shared.fake != nil {
		shared.fake.Close()
	}
	if err := kafka.CloseShared(); err != nil {
		return fmt.Errorf("closing Kafka: %w", err)
	}
	return nil
}

// topic makes a topic for one test. Settings are given as name, value, name, value.
func (k *cluster) topic(t *testing.T, partitions int32, settings ...string) string {
	t.Helper()
	return k.named(t, shared.run+"."+unique("topic"), partitions, settings...)
}

func (k *cluster) named(t *testing.T, name string, partitions int32, settings ...string) string {
	t.Helper()
	configs := make(map[string]*string)
	for i := 0; i < len(settings); i += 2 {
		configs[settings[i]] = &settings[i+1]
	}
	if _, err := k.admin.CreateTopic(t.Context(), partitions, 1, configs, name); err != nil {
		t.Fatalf("creating topic %s: %v", name, err)
	}
	eventually(t, "the new topic "+name+" has leaders", func() bool {
		ends, err := k.admin.ListEndOffsets(t.Context(), name)
		return err == nil && ends.Error() == nil && len(ends[name]) == int(partitions)
	})
	return name
}

// awaitStable waits until readers of committed records are given all of a topic: Kafka answers that a transaction is
// committed before it has marked its partitions so.
func (k *cluster) awaitStable(t *testing.T, topic string) {
	t.Helper()
	eventually(t, "no transaction is open in "+topic, func() bool {
		ends, err := k.admin.ListEndOffsets(t.Context(), topic)
		stable, errStable := k.admin.ListCommittedOffsets(t.Context(), topic)
		return err == nil && errStable == nil && ends.Error() == nil && stable.Error() == nil && maps.Equal(ends[topic], stable[topic])
	})
}

// delete deletes a topic.
func (k *cluster) delete(t *testing.T, topic string) {
	t.Helper()
	if _, err := k.admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatalf("deleting topic %s: %v", topic, err)
	}
}

// group names a consumer group for one test.
func (k *cluster) group() string { return shared.run + "." + unique("group") }

// produce writes records, to partition 0 unless they say otherwise.
func (k *cluster) produce(t *testing.T, topic string, records ...*kgo.Record) {
	t.Helper()
	for _, r := range records {
		r.Topic = topic
	}
	if err := k.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatalf("producing into %s: %v", topic, err)
	}
}

// numbered makes count records whose values are their numbers from first on, spread over
// partitions, filled up to size bytes with spaces.
func numbered(first, count, partitions, size int) []*kgo.Record {
	records := make([]*kgo.Record, count)
	for i := range records {
		value := fmt.Appendf(make([]byte, 0, size), "%d", first+i)
		for len(value) < size {
			value = append(value, ' ')
		}
		records[i] = &kgo.Record{Value: value, Partition: int32(i % partitions)}
	}
	return records
}

// records reads a topic from its beginning to its end, partition by partition.
func (k *cluster) records(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	ends, err := k.admin.ListEndOffsets(t.Context(), topic)
	if err != nil || ends.Error() != nil {
		t.Fatalf("looking up the end of %s: %v, %v", topic, err, ends.Error())
	}
	var all []*kgo.Record
	for partition := range int32(len(ends[topic])) {
		end, _ := ends.Lookup(topic, partition)
		all = append(all, k.partition(t, topic, partition, end.Offset)...)
	}
	return all
}

// partition reads a partition from its beginning to an end.
func (k *cluster) partition(t *testing.T, topic string, partition int32, end int64) []*kgo.Record {
	t.Helper()
	if end == 0 {
		return nil
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.DisableClientMetrics(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for len(all) == 0 || all[len(all)-1].Offset < end-1 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("reading %s: %v", topic, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// committed returns the offsets that a group has committed, by partition.
func (k *cluster) committed(t *testing.T, group, topic string) map[int32]int64 {
	t.Helper()
	var offsets kadm.OffsetResponses
	eventually(t, "the coordinator of "+group+" tells its offsets", func() bool {
		var err error
		offsets, err = k.admin.FetchOffsets(t.Context(), group)
		return err == nil || errors.Is(err, kerr.GroupIDNotFound)
	})
	committed := make(map[int32]int64)
	for partition, offset := range offsets[topic] {
		if offset.Err == nil && offset.At >= 0 {
			committed[partition] = offset.At
		}
	}
	return committed
}

// commit sets a group's position in partition 0.
func (k *cluster) commit(t *testing.T, group, topic string, at int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, 0, at, -1)
	if err := k.admin.CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatalf("committing for %s: %v", group, err)
	}
}

// awaitCommit waits until a group has committed an offset in partition 0.
func (k *cluster) awaitCommit(t *testing.T, group, topic string, want int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("group %s commits %d", group, want), func() bool {
		at, ok := k.committed(t, group, topic)[0]
		if ok && at > want {
			t.Fatalf("group %s has committed %d, beyond %d", group, at, want)
		}
		return ok && at == want
	})
}
