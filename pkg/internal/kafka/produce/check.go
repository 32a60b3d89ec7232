package produce

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// check refuses a record that the topic's settings would refuse. Before it refuses an unknown partition,
// it asks Kafka again: the partition may have been added a moment ago.
func (p *Pool) check(topic *cluster.Topic, r *proxy.Record) *proxy.Error {
	e := topic.Check(r, checkTime(r), p.compression)
	if e == nil || e.Kind != proxy.KindInvalidPartition {
		return e
	}
	if err := topic.LookAgain(); err != nil {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell now whether partition %d exists: send the message again.", r.Partition)
	}
	return topic.Check(r, checkTime(r), p.compression)
}

// checkTime is the time that a record's timestamp is checked against. The clock is not read for records
// without one, which are most of them.
func checkTime(r *proxy.Record) time.Time {
	if !r.HasTimestamp {
		return time.Time{}
	}
	return time.Now()
}
