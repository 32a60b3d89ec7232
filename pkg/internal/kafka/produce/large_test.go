package produce

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// smallLimit is the max.message.bytes of the topics of these tests.
const smallLimit = 20_000

// largeRig is a pool that compresses, on a topic of one partition.
type largeRig struct {
	address string
	topics  *cluster.Topics
	pool    *Pool
	topic   *cluster.Topic
}

func newLargeRig(t *testing.T, address, codec string, settings map[string]*string) *largeRig {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	name := fmt.Sprintf("large-%d", time.Now().UnixNano())
	limit := fmt.Sprint(smallLimit)
	all := map[string]*string{"max.message.bytes": &limit}
	maps.Copy(all, settings)
	if _, err := kadm.NewClient(client).CreateTopic(kafkatest.Deadline(t), 1, 1, all, name); err != nil {
		t.Fatal(err)
	}
	c := clustertest.ConnectTo(t, address)
	c.Settings.ProducerCompressionType = codec
	c.Settings.MaxProducerClients = 10
	r := &largeRig{address: address, topics: watch(t, c)}
	r.pool = newPool(t, c)
	r.topic = open(t, r.topics, name)
	return r
}

// text is large and compresses well.
func text(size int) []byte { return []byte(strings.Repeat("all work and no play ", size/21+1)[:size]) }

func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	return b
}

// large is a value that Kafka takes compressed, but not two of them in a batch.
func large() []byte { return append(noise(12_000), text(50_000)...) }

// largeTests run with the limits of kfake and of Kafka, with each codec.
var largeTests = map[string]func(*testing.T, *largeRig){
	"what is small compressed is written": testLargeIsWritten,
	"what is not is refused, to the byte": testLargeLimit,
	"beside small ones":                   testLargeBesideSmall,
	"in transactions":                     testLargeInTransactions,
}

func TestLargeRecords(t *testing.T) {
	for name, address := range map[string]func(*testing.T) string{
		"kfake": fakeAddress,
		"Kafka": realAddress,
	} {
		for _, codec := range []string{"gzip", "snappy", "lz4", "zstd"} {
			for what, test := range largeTests {
				t.Run(name+"/"+codec+"/"+what, func(t *testing.T) { test(t, newLargeRig(t, address(t), codec, nil)) })
			}
		}
	}
}

func fakeAddress(t *testing.T) string {
	t.Helper()
	return kafkatest.Broker(t).ListenAddrs()[0]
}

func realAddress(t *testing.T) string {
	t.Helper()
	return kafka.Require(t).Addr()
}

func testLargeIsWritten(t *testing.T, r *largeRig) {
	t.Helper()
	p := r.pool.Open("c", r.topic)
	record := proxy.Record{Key: text(1000), Value: text(100_000), Headers: []proxy.Header{{Key: "h", Value: text(1000)}, {Key: "null"}}}
	if e := p.Check(&record); e != nil {
		t.Fatal(e)
	}
	if _, err := kafkatest.Produce(t, p, record); err != nil {
		t.Fatal(err)
	}
	if got := r.read(t, 1)[0]; !bytes.Equal(got.Value, record.Value) || !bytes.Equal(got.Key, record.Key) || len(got.Headers) != 2 {
		t.Errorf("got %d bytes", len(got.Value))
	}
}

// testLargeLimit compares the result of the check with Kafka's, right below the limit and right above
// it.
func testLargeLimit(t *testing.T, r *largeRig) {
	t.Helper()
	p := r.pool.Open("c", r.topic)
	random, zeros := noise(2*smallLimit), make([]byte, 2*smallLimit)
	of := func(n int) *proxy.Record { return &proxy.Record{Value: append(bytes.Clone(random[:n]), zeros...)} }
	n := 1 // the first size that is too large
	for step := smallLimit; step > 0; step /= 2 {
		for r.pool.compression.BatchSize(of(n+step)) <= smallLimit {
			n += step
		}
	}
	if e := p.Check(of(n)); e != nil {
		t.Errorf("the largest: %v", e)
	}
	if _, err := kafkatest.Produce(t, p, *of(n)); err != nil {
		t.Errorf("Kafka refuses the largest: %v", err)
	}
	if spare := smallLimit - r.pool.compression.BatchSize(of(n)); spare > 64 {
		t.Errorf("the largest is %d bytes too small", spare)
	}
	kafkatest.WantKind(t, p.Check(of(n+1)), proxy.KindMessageTooLarge)
	if _, err := kafkatest.Produce(t, p, *of(n + 1)); err == nil {
		t.Error("Kafka accepts a record that the check refuses")
	}
	kafkatest.WantKind(t, p.Check(&proxy.Record{Value: noise(2 * smallLimit)}), proxy.KindMessageTooLarge)
}

// testLargeBesideSmall has connections of a clientId send small and large records without waiting. All
// of them together would be too large for Kafka even compressed.
func testLargeBesideSmall(t *testing.T, r *largeRig) {
	t.Helper()
	const messages = 40
	outcomes := make(map[string][]*kafkatest.Outcome)
	producers := make(map[string]*Producer)
	for _, name := range []string{"a", "b", "c", "d"} {
		producers[name] = r.pool.Open("c", r.topic)
	}
	done := make(chan struct{})
	for name, p := range producers {
		mine := make([]*kafkatest.Outcome, messages)
		for i := range mine {
			mine[i] = kafkatest.NewOutcome()
		}
		outcomes[name] = mine
		go func() {
			defer func() { done <- struct{}{} }()
			for i, f := range mine {
				record := proxy.Record{Key: []byte(name), Value: noise(8000)}
				if i%4 == 0 {
					record.Value = large()
				}
				p.Produce(&record, time.Now(), f)
			}
		}()
	}
	for range producers {
		<-done
	}
	for name, mine := range outcomes {
		last := int64(-1)
		for i, f := range mine {
			ack, err := f.Await(t)
			if err != nil || ack.Offset <= last {
				t.Fatalf("message %d of %s: %+v after %d, %v", i, name, ack, last, err)
			}
			last = ack.Offset
		}
	}
}

func testLargeInTransactions(t *testing.T, r *largeRig) {
	t.Helper()
	tx, err := r.pool.OpenTransactions(proxy.ClientID(r.topic.Name), "i", r.topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tx.Close)
	for round := range 2 {
		var records []*proxy.Record
		for i := range 12 {
			record := &proxy.Record{Value: noise(8000)}
			if i%4 == 1 {
				record.Value = large()
			}
			if e := tx.Check(record); e != nil {
				t.Fatal(e)
			}
			records = append(records, record)
		}
		acks, e := kafkatest.CommitRecords(tx, time.Now().Add(kafkatest.Patience), records)
		if e != nil {
			t.Fatalf("round %d: %v", round, e)
		}
		kafkatest.Settle(t, tx)
		for i := range acks[1:] {
			if acks[i+1].Offset != acks[i].Offset+1 {
				t.Fatalf("got the offsets %v", acks)
			}
		}
	}
}

// read returns the first records of the topic.
func (r *largeRig) read(t *testing.T, n int) (records []*kgo.Record) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.address), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic.Name: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for ctx := kafkatest.Deadline(t); len(records) < n; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// TestATopicWithItsOwnCompression checks that the plain size counts if Kafka compresses batches again.
func TestATopicWithItsOwnCompression(t *testing.T) {
	for name, test := range map[string]struct {
		topic   string
		allowed bool
	}{
		"as produced": {"producer", true}, "the same": {"zstd", true}, "another": {"gzip", false}, "none": {"uncompressed", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newLargeRig(t, realAddress(t), "zstd", map[string]*string{"compression.type": &test.topic})
			p, record := r.pool.Open("c", r.topic), proxy.Record{Value: text(5 * smallLimit)}
			if e := p.Check(&record); (e == nil) != test.allowed {
				t.Errorf("got %v", e)
			}
			if _, err := kafkatest.Produce(t, p, record); test.allowed && err != nil {
				t.Error(err)
			}
		})
	}
}

// TestWithoutCompression checks that the plain size counts.
func TestWithoutCompression(t *testing.T) {
	r := newLargeRig(t, fakeAddress(t), "none", nil)
	kafkatest.WantKind(t, r.pool.Open("c", r.topic).Check(&proxy.Record{Value: text(2 * smallLimit)}), proxy.KindMessageTooLarge)
}
