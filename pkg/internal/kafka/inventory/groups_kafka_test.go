package inventory

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// rig is a Kafka with a topic of the test's own, which has two partitions.
type rig struct {
	*Inventory

	addr   string
	topic  string
	client *kgo.Client
	admin  *kadm.Client
}

// onBoth runs a test on kfake and on Apache Kafka.
func onBoth(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	t.Run("kfake", func(t *testing.T) { test(t, newRig(t, kafkatest.Broker(t).ListenAddrs()[0])) })
	t.Run("Kafka", func(t *testing.T) { test(t, newRig(t, kafka.Require(t).Addr())) })
}

func newRig(t *testing.T, addr string) *rig {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := &rig{addr: addr, topic: fmt.Sprintf("inventory-%d-%d", os.Getpid(), time.Now().UnixNano()), client: client, admin: kadm.NewClient(client)}
	if _, err := r.admin.CreateTopic(kafkatest.Deadline(t), 2, 1, nil, r.topic); err != nil {
		t.Fatal(err)
	}
	if r.Inventory, err = Open(clustertest.ConnectTo(t, addr)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	kafkatest.Await(t, "the topic has leaders", func() bool {
		ends, _ := r.Ends(kafkatest.Deadline(t), r.partitions())
		return len(ends) == 2
	})
	return r
}

func (r *rig) partitions() []proxy.PartitionID {
	return []proxy.PartitionID{{Topic: r.topic, Partition: 0}, {Topic: r.topic, Partition: 1}}
}

// produce writes records to a partition, one in each millisecond from a time on.
func (r *rig) produce(t *testing.T, partition int32, records int, from time.Time) {
	t.Helper()
	for i := range records {
		record := &kgo.Record{Topic: r.topic, Partition: partition, Value: []byte("v"), Timestamp: from.Add(time.Duration(i) * time.Millisecond)}
		if err := r.client.ProduceSync(kafkatest.Deadline(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// work takes records as the worker of a share group, and accepts them, until it has had some number of them. It
// leaves the group at the test's end, or by the returned function.
func (r *rig) work(t *testing.T, group string, records int) (leave func()) {
	t.Helper()
	r.beginEarliest(t, group)
	worker, err := kgo.NewClient(kgo.SeedBrokers(r.addr), kgo.ShareGroup(group), kgo.ClientID("worker"), kgo.ConsumeTopics(r.topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.Close)
	for had := 0; had < records; {
		taken := worker.PollFetches(kafkatest.Deadline(t)).Records()
		had += len(taken)
		worker.MarkAcks(kgo.AckAccept, taken...)
	}
	if err := worker.FlushAcks(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	return worker.Close
}

// beginEarliest has a share group begin with the first records.
func (r *rig) beginEarliest(t *testing.T, group string) {
	t.Helper()
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "share.auto.offset.reset", new("earliest")
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	resource.Configs = append(resource.Configs, setting)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(kafkatest.Deadline(t), r.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestShareGroups describes a share group while it has a worker, then changes its offsets and removes it.
func TestShareGroups(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		t.Helper()
		id := proxy.GroupID(r.topic + "/ü")
		r.produce(t, 0, 4, time.Now())
		r.produce(t, 1, 1, time.Now())
		leave := r.work(t, string(id), 5)
		group, err := r.Group(kafkatest.Deadline(t), id)
		if err != nil || group.Type != proxy.ShareGroup || group.State != proxy.GroupStable || group.Simple || len(group.Members) != 1 ||
			group.Members[0].Client != "worker" || !reflect.DeepEqual(group.Members[0].Partitions, r.partitions()) || group.Members[0].Host == "" {
			t.Errorf("got %+v, %v", group, err)
		}
		groups, silent, err := r.Groups(kafkatest.Deadline(t))
		listed := slices.IndexFunc(groups, func(g proxy.Group) bool { return g.ID == id })
		if err != nil || len(silent) > 0 || listed < 0 || groups[listed].Type != proxy.ShareGroup || groups[listed].State != proxy.GroupStable {
			t.Errorf("got %+v, %v, %v", groups, silent, err)
		}
		first := []proxy.GroupOffset{{Topic: r.topic, Partition: 0, Offset: 1}}
		if err := r.CommitGroupOffsets(kafkatest.Deadline(t), id, proxy.ShareGroup, first); kafkatest.KindOf(err) != proxy.KindGroupActive {
			t.Errorf("altering offsets: %v", err)
		}
		if err := r.DeleteGroup(kafkatest.Deadline(t), id); kafkatest.KindOf(err) != proxy.KindGroupActive {
			t.Errorf("deleting: %v", err)
		}
		leave()
		r.awaitEmpty(t, id)
		r.awaitStarts(t, id, [2]int64{proxy.Unknown, 0}, [2]int64{proxy.Unknown, 0})
		if err := r.CommitGroupOffsets(kafkatest.Deadline(t), id, proxy.ShareGroup, first); err != nil {
			t.Fatal(err)
		}
		r.awaitStarts(t, id, [2]int64{1, 3}, [2]int64{proxy.Unknown, 0})
		if err := r.DeleteGroupOffsets(kafkatest.Deadline(t), id, proxy.ShareGroup, first); err != nil {
			t.Fatal(err)
		}
		r.awaitStarts(t, id)
		other := id + "/other"
		r.work(t, string(other), 5)()
		r.awaitEmpty(t, other)
		r.remove(t, other)
	})
}

// awaitStarts waits until a share group has start offsets in the first partitions, and no others. Each is an
// offset and a lag. Kafka moves the start offset over settled records when it likes: proxy.Unknown stands for any.
func (r *rig) awaitStarts(t *testing.T, id proxy.GroupID, want ...[2]int64) {
	t.Helper()
	var got []proxy.GroupOffset
	var err error
	defer func() {
		if t.Failed() {
			t.Logf("the start offsets are %+v, %v", got, err)
		}
	}()
	kafkatest.Await(t, fmt.Sprintf("start offsets and lags of %s to be %v", id, want), func() bool {
		got, err = r.GroupOffsets(kafkatest.Deadline(t), id, proxy.ShareGroup)
		return err == nil && len(got) == len(want) && !slices.ContainsFunc(got, func(o proxy.GroupOffset) bool {
			w := want[o.Partition]
			return o.Topic != r.topic || o.Lag != w[1] || w[0] != proxy.Unknown && o.Offset != w[0]
		})
	})
}

func (r *rig) awaitEmpty(t *testing.T, id proxy.GroupID) {
	t.Helper()
	kafkatest.Await(t, string(id)+" is empty", func() bool {
		group, err := r.Group(kafkatest.Deadline(t), id)
		return err == nil && group.State == proxy.GroupEmpty
	})
}

// awaitOffsets waits until a group has some committed offsets, and no others.
func (r *rig) awaitOffsets(t *testing.T, id proxy.GroupID, want ...proxy.GroupOffset) {
	t.Helper()
	var got []proxy.GroupOffset
	var err error
	defer func() {
		if t.Failed() {
			t.Logf("the offsets are %+v, %v, want %+v", got, err, want)
		}
	}()
	kafkatest.Await(t, fmt.Sprintf("offsets of %s to be %+v", id, want), func() bool {
		got, err = r.GroupOffsets(kafkatest.Deadline(t), id, proxy.ClassicGroup)
		return err == nil && slices.Equal(got, want)
	})
}

// remove deletes a group without members.
func (r *rig) remove(t *testing.T, id proxy.GroupID) {
	t.Helper()
	if err := r.DeleteGroup(kafkatest.Deadline(t), id); err != nil {
		t.Errorf("deleting: %v", err)
	}
	if group, err := r.Group(kafkatest.Deadline(t), id); kafkatest.KindOf(err) != proxy.KindNotFound {
		t.Errorf("deleted: %+v, %v", group, err)
	}
	if err := r.DeleteGroup(kafkatest.Deadline(t), id); kafkatest.KindOf(err) != proxy.KindNotFound {
		t.Errorf("deleting again: %v", err)
	}
}

// TestGroupsAreDeleted deletes groups by both protocols, and one that only has offsets.
func TestGroupsAreDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		t.Helper()
		member := func(id string, options ...kgo.Opt) *kgo.Client {
			member, err := kgo.NewClient(append([]kgo.Opt{
				kgo.SeedBrokers(r.addr), kgo.ConsumerGroup(id), kgo.ConsumeTopics(r.topic), kgo.Balancers(kgo.RangeBalancer()), kgo.ClientID("c"),
			}, options...)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(member.Close)
			return member
		}
		for kind, options := range map[proxy.GroupType][]kgo.Opt{proxy.ClassicGroup: nil, proxy.ConsumerGroup: {kgo.ServerSideBalancer()}} {
			id := proxy.GroupID(r.topic + string(kind))
			m := member(string(id), options...)
			kafkatest.Await(t, "the group is stable", func() bool {
				group, err := r.Group(kafkatest.Deadline(t), id)
				return err == nil && group.State == proxy.GroupStable && group.Type == kind && len(group.Members) == 1 && len(group.Members[0].Partitions) == 2
			})
			if err := r.DeleteGroup(kafkatest.Deadline(t), id); kafkatest.KindOf(err) != proxy.KindGroupActive {
				t.Errorf("%s: deleting: %v", kind, err)
			}
			m.Close()
			r.awaitEmpty(t, id)
			r.remove(t, id)
		}
		id := proxy.GroupID(r.topic + "simple")
		offset := proxy.GroupOffset{Topic: r.topic, Partition: 1, Offset: 0}
		if err := r.CommitGroupOffsets(kafkatest.Deadline(t), id, proxy.ClassicGroup, []proxy.GroupOffset{offset}); err != nil {
			t.Fatal(err)
		}
		r.awaitOffsets(t, id, offset)
		r.remove(t, id)
	})
}

func TestOffsetsOfPartitions(t *testing.T) {
	onBoth(t, func(t *testing.T, r *rig) {
		t.Helper()
		from := time.UnixMilli(time.Now().UnixMilli() - 1000)
		r.produce(t, 0, 5, from)
		one, two := r.partitions()[0], r.partitions()[1]
		all := append(r.partitions(), proxy.PartitionID{Topic: r.topic, Partition: 2}, proxy.PartitionID{Topic: "none"})
		check := func(what string, got proxy.Offsets, silent []int32, want proxy.Offsets) {
			t.Helper()
			if !reflect.DeepEqual(got, want) || len(silent) > 0 {
				t.Errorf("%s: got %v, %v are silent, want %v", what, got, silent, want)
			}
		}
		ends, silent := r.Ends(kafkatest.Deadline(t), all)
		check("the ends", ends, silent, proxy.Offsets{one: 5, two: 0})
		for what, test := range map[string]struct{ at, want int64 }{
			"the third record":  {from.UnixMilli() + 2, 2},
			"before the first":  {0, 0},
			"behind the last":   {from.UnixMilli() + 5, 5},
			"the end of time":   {math.MaxInt64, 5},
			"the time of the 1": {from.UnixMilli(), 0},
		} {
			got, silent := r.At(kafkatest.Deadline(t), all, test.at)
			check(what, got, silent, proxy.Offsets{one: test.want, two: 0})
		}
		if ends, silent := r.Ends(kafkatest.Deadline(t), nil); len(ends)+len(silent) > 0 {
			t.Errorf("of nothing: %v, %v", ends, silent)
		}
	})
}
