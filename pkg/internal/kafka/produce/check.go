package produce

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// check refuses a record that the topic's settings would refuse. Kafka is asked once more before a
// partition is refused that is not known yet: it may have been added a moment ago.
func check(topic *cluster.Topic, r *proxy.Record) *proxy.Error {
	e := topic.Check(r, time.Now())
	if e == nil || e.Kind != proxy.KindInvalidPartition {
		return e
	}
	if err := topic.LookAgain(); err != nil {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell now whether partition %d exists: send the message again.", r.Partition)
	}
	return topic.Check(r, time.Now())
}
