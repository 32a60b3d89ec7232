package inventory

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongSilentBroker stops one of three brokers of Apache Kafka, which takes its connections along, and lets it
// go on. Meanwhile groups are listed and a topic is described: Kafka gives its partitions and groups to the others
// only after the stopped broker's session has ended.
func TestLongSilentBroker(t *testing.T) {
	t.Parallel()
	const groups, id = 12, 2
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{Properties: map[string]string{"broker.session.timeout.ms": "18000"}})
	addresses := strings.Split(brokers.Addr(), ",")
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(kafkatest.Deadline(t), 3, 3, nil, "t"); err != nil {
		t.Fatal(err)
	}
	for i := range groups {
		offsets := make(kadm.Offsets)
		offsets.AddOffset("t", 0, 0, -1)
		kafkatest.Await(t, "an offset is committed", func() bool {
			return admin.CommitAllOffsets(kafkatest.Deadline(t), fmt.Sprint("g", i), offsets) == nil
		})
	}
	c, err := Open(clustertest.ConnectTo(t, addresses...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	// looked reports how many groups are listed and how many ends of partitions are known, and which brokers
	// are silent to either.
	looked := func() (listed, known int, silent []int32) {
		all, silent, err := c.Groups(kafkatest.Deadline(t))
		topic, also, err2 := c.Topic(kafkatest.Deadline(t), "t")
		if err != nil || err2 != nil {
			t.Logf("%v: %v, %v", time.Now(), err, err2)
		}
		for _, p := range topic.Partitions {
			if p.Start >= 0 && p.End >= 0 {
				known++
			}
		}
		return len(all), known, inOrder(append(silent, also...))
	}
	whole := func() bool {
		listed, known, silent := looked()
		return listed == groups && known == 3 && len(silent) == 0
	}
	kafkatest.Await(t, "everything to be known", whole)
	if err := brokers.Node(id).Pause(); err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "a part to be known while a broker is silent", func() bool {
		listed, known, silent := looked()
		t.Logf("%d groups, %d partitions, %v are silent", listed, known, silent)
		return listed > 0 && listed < groups && known > 0 && known < 3 && slices.Equal(silent, []int32{id})
	})
	if err := brokers.Node(id).Resume(); err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "everything to be known again", whole)
}
