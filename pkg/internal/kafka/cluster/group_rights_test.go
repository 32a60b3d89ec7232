package cluster

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestGroupsLeaveNothingBehind inspects franz-go: it keeps an entry for each group whose coordinator it
// looks up itself.
func TestGroupsLeaveNothingBehind(t *testing.T) {
	c := connect(t, kafkatest.Broker(t, "t"))
	topics := watch(t, c)
	for i := range 20 {
		topic, err := topics.OpenFor(kafkatest.Deadline(t), Access{Topic: "t", Operation: Consume, Group: proxy.GroupID(fmt.Sprint("g", i))})
		if err != nil {
			t.Fatal(err)
		}
		topics.check(kafkatest.Deadline(t))
		topic.Close()
	}
	if kept := reflect.ValueOf(c.Client).Elem().FieldByName("coordinators").Len(); kept > 0 {
		t.Errorf("%d coordinators are kept", kept)
	}
}

// TestManyGroupsAreCheckedTogether counts the requests of a check to a broker that coordinates many
// groups.
func TestManyGroupsAreCheckedTogether(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	topics := watch(t, connect(t, broker))
	for i := range 50 {
		topic, err := topics.OpenFor(kafkatest.Deadline(t), Access{Topic: "t", Operation: Consume, Group: proxy.GroupID(fmt.Sprint("g", i))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(topic.Close)
	}
	var found, described atomic.Int32
	for key, count := range map[kmsg.Key]*atomic.Int32{kmsg.FindCoordinator: &found, kmsg.DescribeGroups: &described} {
		broker.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			broker.KeepControl()
			count.Add(1)
			return nil, nil, false
		})
	}
	topics.check(kafkatest.Deadline(t))
	if found.Load() != 1 || described.Load() != 1 {
		t.Errorf("%d coordinators were looked for, %d descriptions asked for", found.Load(), described.Load())
	}
}
