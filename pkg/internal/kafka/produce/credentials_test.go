package produce

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func TestPooledClientsAreNotShared(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	name := g.MakeTopic(t)
	for _, who := range []string{kafka.Alice, kafka.Bob} {
		g.Allow(t, kafkatest.ACLs(who, kadm.OpWrite).Topics(name))
	}
	c := clustertest.ConnectWith(t, &g.Settings, nil)
	topics, pool := watch(t, c), newPool(t, c) // a pool of two clients
	as := func(credentials proxy.KafkaCredentials) *Producer {
		return pool.Open("same", opened(t, topics, cluster.Access{Credentials: credentials, Topic: name, Operation: cluster.Produce}))
	}
	alice, again, bob := as(kafkatest.User(kafka.Alice)), as(kafkatest.User(kafka.Alice)), as(kafkatest.User(kafka.Bob))
	for _, p := range []*Producer{alice, again, bob} {
		if _, err := kafkatest.Produce(t, p, kafkatest.Value("x")); err != nil {
			t.Fatal(err)
		}
	}
	if alice.current.client != again.current.client || alice.current.client == bob.current.client {
		t.Error("clients are not one per credentials")
	}
	alice.current.client.hold()
	defer alice.current.client.release()
	bob.current.client.hold()
	defer bob.current.client.release()
	if _, err := kafkatest.Produce(t, as(kafkatest.User(kafka.Admin)), kafkatest.Value("x")); kafkatest.KindOf(err) != proxy.KindKafkaUnavailable {
		t.Errorf("with a full pool: %v", err)
	}
	if _, err := kafkatest.Produce(t, as(proxy.KafkaCredentials{}), kafkatest.Value("x")); err != nil {
		t.Errorf("with a full pool and no credentials of its own: %v", err)
	}
}

func TestIdleClientsForgetTheirCredentials(t *testing.T) {
	g := kafkatest.FakeGuarded(t)
	name := g.MakeTopic(t)
	g.Allow(t, kafkatest.ACLs(kafka.Alice, kadm.OpWrite).Topics(name))
	c := clustertest.ConnectWith(t, &g.Settings, nil)
	topics, pool := watch(t, c), newPool(t, c)
	topic := opened(t, topics, cluster.Access{Credentials: kafkatest.User(kafka.Alice), Topic: name, Operation: cluster.Produce})
	if _, err := kafkatest.Produce(t, pool.Open("c", topic), kafkatest.Value("x")); err != nil {
		t.Fatal(err)
	}
	topic.Close()
	now := time.Now()
	pool.sweep(now)
	pool.sweep(now.Add(2 * time.Hour))
	if ids := pool.ids(); len(ids) > 0 {
		t.Errorf("the pool has %v", ids)
	}
}

// opened opens a topic and waits until access to it is granted.
func opened(t *testing.T, topics *cluster.Topics, a cluster.Access) *cluster.Topic {
	t.Helper()
	var topic *cluster.Topic
	kafkatest.Await(t, "an access", func() (ok bool) {
		var err error
		topic, err = topics.OpenFor(kafkatest.Deadline(t), a)
		return err == nil
	})
	t.Cleanup(topic.Close)
	return topic
}
