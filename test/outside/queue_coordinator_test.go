package outside

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongTheCoordinatorOfAQueueDies kills the broker that coordinates a queue's group, and asks for the group and its offsets all the time,
// also while Kafka still names the dead broker. When Kafka has another coordinator, administrators are answered, and the lag is told: within a
// minute, since after five a Kafka client forgets a broker that is gone by itself.
func TestLongTheCoordinatorOfAQueueDies(t *testing.T) {
	t.Parallel()
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{})
	k := connect(t, brokers.Addr())
	p := serve(t, k.addr, "WSPROXY_ADMIN_ENDPOINT_ENABLED=true")
	topic := k.topic(1)
	k.write(&kgo.Record{Topic: topic, Value: []byte("first")})
	worker := dial(t, p.url("/socket/queue?clientId=worker&window=1&topic="+topic+"&groupId="+topic))
	go func() { // it stays, and holds its record
		for {
			if _, _, err := worker.Read(t.Context()); err != nil {
				return
			}
		}
	}()
	lag := fmt.Sprintf(`wsproxy_queue_lag{group=%q,topic=%q}`, topic, topic)
	await(t, "the lag to be told", func() bool { return p.metric(t, lag) == 1 })
	answered := func() bool {
		group := "/admin/consumer-group/" + topic
		return p.status(group+"/describe") == http.StatusOK && p.status(group+"/offsets") == http.StatusOK
	}
	await(t, "administrators to be answered", answered)

	await(t, "Kafka to know where the group starts", func() bool { return k.tellsStarts(topic) })
	must(t, brokers.Node(k.coordinator(topic)).Kill())
	killed := time.Now()
	await(t, "Kafka to have another coordinator", func() bool {
		answered()
		return k.tellsStarts(topic)
	})
	moved := time.Now()
	await(t, "administrators to be answered again", answered)
	told := time.Now()
	k.write(&kgo.Record{Topic: topic, Value: []byte("second")})
	await(t, "the lag to be told again", func() bool { return p.metric(t, lag) == 2 })
	t.Logf("another coordinator after %v; administrators answered %v later; the lag told after %v more; load %s",
		moved.Sub(killed), told.Sub(moved), time.Since(told), loadAverage())
}

// coordinator returns the broker that coordinates a group.
func (c *cluster) coordinator(group string) (id int32) {
	c.t.Helper()
	await(c.t, "a coordinator", func() bool {
		found := c.admin.FindGroupCoordinators(within(c.t, patience), group)[group]
		id = found.NodeID
		return found.Err == nil
	})
	return id
}

// tellsStarts tells whether a client that has asked nothing before is told where a share group starts.
func (c *cluster) tellsStarts(group string) bool {
	c.t.Helper()
	client, err := kgo.NewClient(seeds(c.addr))
	must(c.t, err)
	defer client.Close()
	offsets, err := kadm.NewClient(client).DescribeShareGroupOffsets(within(c.t, 5*time.Second), group)
	return err == nil && offsets[group].Err == nil && len(offsets[group].Offsets) > 0
}
