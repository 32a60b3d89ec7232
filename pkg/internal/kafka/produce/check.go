package produce

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// check refuses a record that the topic's settings would refuse. Before it refuses an unknown partition,
// it asks Kafka again: the partition may have been added a moment ago.
func (p *Pool) check(topic *cluster.Topic, r *proxy.Record) *proxy.Error {
	e := topic.Check(r, time.Now(), p.compression)
	if e == nil || e.Kind != proxy.KindInvalidPartition {
		return e
	}
	if err := topic.LookAgain(); err != nil {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell now whether partition %d exists: send the message again.", r.Partition)
	}
	return topic.Check(r, time.Now(), p.compression)
}
