package cluster_test

import (
	"bytes"
	"strconv"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestLargestRecord compares the check with what franz-go sends and a broker accepts: the largest record
// that the check allows is written, also as the first record of a client, and a record that exceeds the
// topic's limit is refused by both.
func TestLargestRecord(t *testing.T) {
	for _, limit := range []int64{1000, 16_384, 20_000, 3_000_000} {
		t.Run(strconv.FormatInt(limit, 10), func(t *testing.T) {
			broker := kafkatest.Broker(t, "t")
			adm, _ := kafkatest.Admin(t, broker)
			kafkatest.SetTopic(t, adm, "max.message.bytes", strconv.FormatInt(limit, 10))
			c := connect(t, broker)
			c.Settings.MaxProducerClients = 100
			topics := watch(t, c)
			topic := open(t, topics, "t")
			pool := newPool(t, c)
			for name, record := range largeRecords() {
				t.Run(name, func(t *testing.T) { testLargest(t, topic, pool.Open(proxy.ClientID(name), topic), record, limit) })
			}
		})
	}
}

func testLargest(t *testing.T, topic *cluster.Topic, producer *produce.Producer, record proxy.Record, limit int64) {
	t.Helper()
	resize(t, &record, topic.MaxRecordBytes())
	if e := producer.Check(&record); e != nil {
		t.Fatalf("the largest is refused: %v", e)
	}
	if _, err := kafkatest.Produce(t, producer, record); err != nil {
		t.Errorf("Kafka refuses a record that the check allows: %v", err)
	}
	if spare := limit - cluster.BatchSize(&record); spare > 2 {
		t.Errorf("the largest record is %d bytes smaller than the topic allows", spare)
	}
	resize(t, &record, cluster.BatchSize(&record)+1)
	if e := producer.Check(&record); e == nil || e.Kind != proxy.KindMessageTooLarge {
		t.Errorf("got %v a byte over the limit", e)
	}
	resize(t, &record, limit+1)
	if _, err := kafkatest.Produce(t, producer, record); err == nil {
		t.Error("Kafka takes what is larger than the topic allows: a record is smaller than the check thinks")
	}
}

func largeRecords() map[string]proxy.Record {
	return map[string]proxy.Record{
		"no key":         {},
		"empty key":      {Key: []byte{}},
		"a key":          {Key: bytes.Repeat([]byte("k"), 200)},
		"headers":        {Headers: []proxy.Header{{Key: "a", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "b", Value: bytes.Repeat([]byte("x"), 100)}}},
		"many headers":   {Headers: make([]proxy.Header, 100)},
		"a timestamp":    {HasTimestamp: true, Timestamp: 1},
		"all and pinned": {Partition: 2, Key: []byte("k"), Headers: []proxy.Header{{Key: "a", Value: []byte{}}}},
	}
}

// resize gives a record the value with which its batch has the given size.
func resize(t *testing.T, r *proxy.Record, size int64) {
	t.Helper()
	r.Value = make([]byte, size)
	for n := size; n > 0; n-- {
		r.Value = r.Value[:n]
		if got := cluster.BatchSize(r); got == size {
			return
		} else if got > size {
			n -= max(0, got-size-2)
		}
	}
	t.Fatalf("there is no record of %d bytes", size)
}
