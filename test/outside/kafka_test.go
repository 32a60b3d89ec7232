package outside

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// cluster is Kafka as a plain client sees it.
type cluster struct {
	t      testing.TB
	addr   string
	client *kgo.Client
	admin  *kadm.Client

	dial     func(...kgo.Opt) (*kgo.Client, error) // a further plain client
	allow    func(topic string)                    // clients of the proxy to use it, nil where all may
	settings []string                              // of proxies
	header   http.Header                           // of the proxy's clients
}

// realKafka is the Apache Kafka that the tests share.
func realKafka(t testing.TB) *cluster {
	t.Helper()
	return connect(t, kafka.Require(t).Addr())
}

func connect(t testing.TB, addr string) *cluster {
	t.Helper()
	return connectBy(t, addr, func(more ...kgo.Opt) (*kgo.Client, error) {
		return kgo.NewClient(append([]kgo.Opt{seeds(addr)}, more...)...)
	})
}

func connectBy(t testing.TB, addr string, dial func(...kgo.Opt) (*kgo.Client, error)) *cluster {
	t.Helper()
	client, err := dial(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(t, err)
	t.Cleanup(client.Close)
	return &cluster{t: t, addr: addr, client: client, admin: kadm.NewClient(client), dial: dial}
}

// serve runs a proxy of this Kafka.
func (c *cluster) serve(settings ...string) *proxy {
	c.t.Helper()
	return serve(c.t, c.addr, append(slices.Clone(c.settings), settings...)...)
}

func seeds(addr string) kgo.Opt { return kgo.SeedBrokers(strings.Split(addr, ",")...) }

// topic makes a topic with a name of its own.
func (c *cluster) topic(partitions int32) string {
	c.t.Helper()
	name := strings.NewReplacer("/", "-", " ", "-").Replace(c.t.Name())
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
	const asTheBrokersDo = -1 // one replica on a lone broker, three where there are three
	_, err := c.admin.CreateTopic(within(c.t, patience), partitions, asTheBrokersDo, nil, name)
	must(c.t, err)
	await(c.t, "the topic to be known to the broker", func() bool {
		topics, err := c.admin.ListTopics(within(c.t, patience), name)
		return err == nil && topics[name].Err == nil && len(topics[name].Partitions) == int(partitions)
	})
	if c.allow != nil {
		c.allow(name)
	}
	return name
}

// write writes records and waits until Kafka has them.
func (c *cluster) write(records ...*kgo.Record) {
	c.t.Helper()
	must(c.t, c.client.ProduceSync(within(c.t, patience), records...).FirstErr())
}

// fill writes n records of random text, of size bytes each, evenly to a topic's partitions.
func (c *cluster) fill(topic string, partitions, n, size int) {
	c.t.Helper()
	text := randomText(1<<20 + size)
	for i := range n {
		from := i * 61 % (1 << 20)
		c.client.Produce(c.t.Context(), &kgo.Record{
			Topic: topic, Partition: int32(i % partitions), Value: text[from : from+size],
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				c.t.Errorf("filling %s: %v", topic, err)
			}
		})
	}
	must(c.t, c.client.Flush(within(c.t, 10*patience)))
}

func randomText(n int) []byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	random := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[random.IntN(len(alphabet))]
	}
	return text
}

// log reads all that a topic holds, by partition.
func (c *cluster) log(topic string) map[int32][]*kgo.Record {
	c.t.Helper()
	ctx := within(c.t, 5*patience)
	ends, err := c.admin.ListEndOffsets(ctx, topic)
	must(c.t, err)
	missing := int64(0)
	ends.Each(func(o kadm.ListedOffset) { missing += o.Offset })
	reader, err := c.dial(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(c.t, err)
	defer reader.Close()
	records := map[int32][]*kgo.Record{}
	for missing > 0 {
		fetches := reader.PollFetches(ctx)
		must(c.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			records[r.Partition] = append(records[r.Partition], r)
			missing--
		})
	}
	return records
}

// committed returns what a group has committed of a topic, by partition.
func (c *cluster) committed(group, topic string) map[int32]int64 {
	c.t.Helper()
	offsets, err := c.admin.FetchOffsets(within(c.t, patience), group)
	if errors.Is(err, kerr.CoordinatorNotAvailable) {
		return nil // the first group of a new broker is being made
	}
	must(c.t, err)
	committed := map[int32]int64{}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			committed[o.Partition] = o.At
		}
	})
	return committed
}

func sum(offsets map[int32]int64) int64 {
	total := int64(0)
	for _, offset := range offsets {
		total += offset
	}
	return total
}
