package inventory

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestLagsThatKafkaDoesNotTell has a broker that does not know the lags of share groups (before KIP-1226).
func TestLagsThatKafkaDoesNotTell(t *testing.T) {
	old := kversion.Tip()
	for key, version := range map[kmsg.Key]int16{
		kmsg.ShareGroupHeartbeat: 1, kmsg.ShareGroupDescribe: 1, kmsg.ShareFetch: 1, kmsg.ShareAcknowledge: 1,
		kmsg.DescribeShareGroupOffsets: 0, kmsg.AlterShareGroupOffsets: 0,
	} {
		old.SetMaxKeyVersion(int16(key), version)
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(old))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	r := newRig(t, broker.ListenAddrs()[0])
	r.produce(t, 0, 3, time.Now())
	r.produce(t, 1, 1, time.Now())
	r.work(t, "g", 4)()
	r.awaitEmpty(t, "g")
	starts := make(kadm.Offsets)
	starts.AddOffset(r.topic, 0, 1, -1)
	starts.AddOffset(r.topic, 1, 1, -1)
	if altered, err := r.admin.AlterShareGroupOffsets(kafkatest.Deadline(t), "g", starts); err != nil || altered.Error() != nil {
		t.Fatalf("%v, %v", altered, err)
	}
	check := func(what string, lags ...int64) {
		t.Helper()
		got, err := r.GroupOffsets(kafkatest.Deadline(t), "g", proxy.ShareGroup)
		want := []proxy.GroupOffset{{Topic: r.topic, Partition: 0, Offset: 1, Lag: lags[0]}, {Topic: r.topic, Partition: 1, Offset: 1, Lag: lags[1]}}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, %v", what, got, err)
		}
	}
	check("the ends are known", 2, 0)
	broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.ListOffsets}, Partitions: []int32{0}, Err: kerr.LeaderNotAvailable, Count: -1})
	check("an end is not known", proxy.Unknown, 0)
}
