package consume

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestALateLeaveDoesNotHitTheSuccessor leaves as a member that another member has replaced. kfake would
// remove the successor: it does not compare the member id.
func TestALateLeaveDoesNotHitTheSuccessor(t *testing.T) {
	t.Parallel()
	broker := kafka.RequireOwn(t, kafka.Options{}).Addr()
	brokers, err := cluster.Connect(&config.Kafka{
		BootstrapHosts: []string{broker}, ClientRequestTimeout: 10 * time.Second, ClientIdleTimeout: time.Hour,
	}, cluster.Environment{Log: kafkatest.QuietLog(), Metrics: metrics.New(prometheus.NewRegistry(), metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	const topic = "late-leave"
	if _, err := kadm.NewClient(client).CreateTopic(kafkatest.Deadline(t), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: topic, Value: []byte("a")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	join := func() *Consumer {
		c, err := consumersOf(t, brokers).Join(Options{
			ClientID: "c", GroupID: topic, Topic: topicOf(t, brokers, topic), SessionTimeout: 45 * time.Second, Owner: &kafkatest.Owner{},
		})
		if err != nil {
			t.Fatal(err)
		}
		poll(t, c, 1)
		return c
	}
	members := func() []kadm.DescribedGroupMember {
		groups, err := brokers.Admin.DescribeGroups(kafkatest.Deadline(t), topic)
		if err != nil || groups.Error() != nil {
			t.Fatal(err, groups.Error())
		}
		return groups[topic].Members
	}
	old := join()
	late := old.member()
	heir := join()
	if old.member() != late || heir.member() == late {
		t.Fatalf("the members are %s, then %s", late, heir.member())
	}
	if err := old.leave(kafkatest.Deadline(t), late, old.leaveByOwn); err != nil {
		t.Errorf("the late leave: %v", err)
	}
	old.Close(kafkatest.Deadline(t), true)
	if got := members(); len(got) != 1 || got[0].MemberID != heir.member() {
		t.Errorf("after the late leave the members are %v", got)
	}
	heir.Close(kafkatest.Deadline(t), true)
	if got := members(); len(got) != 0 {
		t.Errorf("after the last has left the members are %v", got)
	}
}
