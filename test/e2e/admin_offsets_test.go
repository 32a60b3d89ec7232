package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestAdminOffsetsByPlace sets the offsets of all partitions by the place where they are to be, first by trial.
func TestAdminOffsetsByPlace(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		k.commit(t, group, topic, 4)
		k.deleteRecords(t, topic, 1, 3)
		later := time.Now().Add(time.Minute).UnixMilli()
		at := func(partition int32, ms int64) *kgo.Record {
			return &kgo.Record{Topic: topic, Partition: partition, Value: []byte("late"), Timestamp: time.UnixMilli(ms)}
		}
		k.produce(t, topic, at(0, later), at(0, later+1))
		alter := groupPath(group, "offsets/alter/"+topic)
		before := offsetsBody(topic, 0, 4)
		for _, test := range []struct {
			body string
			want string
		}{
			{`{"to":"latest"}`, offsetsBody(topic, 0, 12, 1, 10)},
			{`{"shift":-100}`, offsetsBody(topic, 0, 0, 1, 3)},
			{`{"shift":2}`, offsetsBody(topic, 0, 2, 1, 5)},
			{`{"to":"earliest"}`, offsetsBody(topic, 0, 0, 1, 3)},
			{fmt.Sprintf(`{"timestamp":%d}`, later), offsetsBody(topic, 0, 10, 1, 10)},
			{fmt.Sprintf(`{"timestamp":%d}`, later+1), offsetsBody(topic, 0, 11, 1, 10)},
			{`{"timestamp":0}`, offsetsBody(topic, 0, 0, 1, 3)},
		} {
			p.exchange(t, []exchange{
				{"PUT", alter + "?dryRun=true", test.body, 200, test.want},
				{"GET", groupPath(group, "offsets"), "", 200, before},
				{"PUT", alter, test.body, 200, test.want},
				{"GET", groupPath(group, "offsets"), "", 200, test.want},
			})
			before = test.want
		}
		if got := k.committed(t, group, topic); got[0] != 0 || got[1] != 3 {
			t.Errorf("Kafka has %v", got)
		}
		none := k.group()
		k.commit(t, none, k.topic(t, 1), 0)
		p.exchange(t, []exchange{
			{"PUT", groupPath(none, "offsets/alter/"+topic), `{"shift":1}`, 400, `INVALID_VALUE: "shift" moves the offsets that the group has`},
			{"PUT", alter, `{"to":"begin"}`, 400, `INVALID_VALUE: "to" must be`},
			{"PUT", alter, `{"to":"latest","shift":1}`, 400, "INVALID_VALUE: The body must be an array"},
		})
	})
}

// beginEarliest has a share group begin with the first records.
func (k *cluster) beginEarliest(t *testing.T, group string) {
	t.Helper()
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "share.auto.offset.reset", new("earliest")
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	resource.Configs = append(resource.Configs, setting)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	answer, err := request.RequestWith(t.Context(), k.client)
	if err == nil {
		err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestAdminShareGroup describes a share group that has two workers, then changes its start offsets and removes
// it.
func TestAdminShareGroup(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		group := k.group()
		k.beginEarliest(t, group)
		had := make(map[int32]bool)
		work := func(name string) *kgo.Client {
			worker, err := kgo.NewClient(
				kgo.SeedBrokers(k.addr), kgo.DisableClientMetrics(), kgo.ShareGroup(group), kgo.ClientID(name), kgo.ConsumeTopics(topic),
			)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(worker.Close)
			return worker
		}
		one := work("one")
		for len(had) < 2 {
			for _, r := range one.PollFetches(t.Context()).Records() {
				had[r.Partition] = true
			}
		}
		two := work("two")
		go func() { _ = two.PollFetches(t.Context()) }()
		eventually(t, "both are members", func() bool { return slices.Equal(p.group(t, group).Members, []string{"one", "two"}) })
		got := p.group(t, group)
		if got.Type != "share" || got.State != "STABLE" || got.IsSimple || got.PartitionAssignor != "simple" || len(got.held(topic)) < 2 {
			t.Errorf("got %+v", got)
		}
		if entry := p.listed(t, group, "?type=share"); entry != "STABLE false" {
			t.Errorf("listed as %q", entry)
		}
		alter := groupPath(group, "offsets/alter/"+topic)
		p.exchange(t, []exchange{
			{"PUT", alter, `{"to":"latest"}`, 412, "GROUP_ACTIVE: "},
			{"DELETE", groupPath(group, "offsets"), "", 412, "GROUP_ACTIVE: "},
			{"DELETE", groupPath(group, ""), "", 412, "GROUP_ACTIVE: "},
		})
		one.Close()
		two.Close()
		p.awaitGroup(t, group, "EMPTY")
		starts := func(zero, one, lagZero, lagOne int) string {
			return fmt.Sprintf(`[{"topic":%q,"partition":0,"offset":%d,"metadata":null,"lag":%d},{"topic":%q,"partition":1,"offset":%d,"metadata":null,"lag":%d}]`,
				topic, zero, lagZero, topic, one, lagOne)
		}
		p.exchange(t, []exchange{
			{"PUT", alter, `[{"partition":0,"offset":1,"metadata":"m"}]`, 400, `INVALID_VALUE: [0]: "metadata" must be null`},
			{"PUT", alter, `[{"partition":0,"offset":4},{"partition":1,"offset":10}]`, 200, starts(4, 10, 6, 0)},
			{"GET", groupPath(group, "offsets"), "", 200, starts(4, 10, 6, 0)},
			{"PUT", alter, `{"shift":-3}`, 200, starts(1, 7, 9, 3)},
			{"DELETE", groupPath(group, "offsets"), "", 200, "{}"},
		})
		if got := p.admin(t, http.MethodGet, groupPath(group, "offsets"), ""); got.status == 200 && got.body != "[]" {
			t.Errorf("the start offsets are %s", got.body)
		}
	})
}

// TestAdminGroupPages lists groups by pages.
func TestAdminGroupPages(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p, topic := k.administrated(t)
		prefix := k.group()
		var want []string
		for i := range 5 {
			id := fmt.Sprintf("%s/ü &%d", prefix, i)
			k.commit(t, id, topic, 1)
			want = append(want, id)
		}
		id := func(g groupEntry) string { return g.GroupID }
		ours := func(all []string) []string {
			return slices.DeleteFunc(all, func(id string) bool { return len(id) < len(want[0]) || id[:len(prefix)] != prefix })
		}
		if got := ours(pages(t, p, "/admin/consumer-group/all?type=classic&limit=2", 2, id)); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		names := pages(t, p, "/admin/topics?limit=3", 3, func(e struct{ Name string }) string { return e.Name })
		if !slices.IsSorted(names) || !slices.Contains(names, topic) {
			t.Errorf("the topics are %q", names)
		}
	})
}
