package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

// topicEntry is a topic as the admin API shows it.
type topicEntry struct {
	Name       string
	Internal   bool
	Partitions []struct {
		Partition              int32
		Leader                 *int32
		StartOffset, EndOffset *int64
	}
	Settings map[string]string
}

func TestAdminTopics(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		state, limits := shared.run+"."+unique("state"), shared.run+"."+unique("limits")
		p := k.start(t, "ADMIN_ENDPOINT_ENABLED=true", "SESSION_STATE_TOPIC="+state, "DYNAMIC_CONFIG_HANDLER_ENABLED=true", "DYNAMIC_CONFIG_TOPIC_NAME="+limits)
		p.awaitReady(t, true)
		plain, internal := k.topic(t, 3), k.named(t, "__"+shared.run+"."+unique("topic"), 1)
		want := map[string]string{plain: "3 false", internal: "1 true", state: "1 true", limits: "1 true"}
		if k.real {
			k.commit(t, k.group(), plain, 0) // makes Kafka's own topic
			want["__consumer_offsets"] = "1 true"
		}
		type entry struct {
			Name       string
			Partitions int
			Internal   bool
		}
		all := parse[[]entry](t, p.admin(t, http.MethodGet, "/admin/topics", "").body)
		for i, e := range all {
			if i > 0 && all[i-1].Name >= e.Name {
				t.Errorf("%s comes after %s", e.Name, all[i-1].Name)
			}
			if w, ok := want[e.Name]; ok && w != fmt.Sprint(e.Partitions, e.Internal) {
				t.Errorf("%+v, want %s", e, w)
			}
			delete(want, e.Name)
		}
		if len(want) > 0 {
			t.Errorf("%v are missing", want)
		}
	})
}

func TestAdminTopic(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3, "retention.ms", "777777")
		k.produce(t, topic, numbered(0, 20, 2, 0)...)
		k.deleteRecords(t, topic, 1, 4)
		p := k.start(t, "ADMIN_ENDPOINT_ENABLED=true")
		got := parse[topicEntry](t, p.admin(t, http.MethodGet, "/admin/topics/"+topic, "").body)
		if got.Name != topic || got.Internal || len(got.Partitions) != 3 {
			t.Fatalf("got %+v", got)
		}
		leaders, err := k.admin.Metadata(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range [][2]int64{{0, 10}, {4, 10}, {0, 0}} {
			g := got.Partitions[i]
			if g.Leader == nil || g.StartOffset == nil || g.EndOffset == nil {
				t.Fatalf("partition %d: got %+v", i, g)
			}
			leader := leaders.Topics[topic].Partitions[int32(i)].Leader
			if int(g.Partition) != i || *g.Leader != leader || *g.StartOffset != want[0] || *g.EndOffset != want[1] {
				t.Errorf("partition %d: leader %d, from %d to %d", g.Partition, *g.Leader, *g.StartOffset, *g.EndOffset)
			}
		}
		for name, want := range map[string]string{
			"retention.ms": "777777", "cleanup.policy": "delete", "message.timestamp.type": "CreateTime", "min.insync.replicas": "1",
			"retention.bytes": "-1", "max.message.bytes": "1048588", "segment.ms": "",
		} {
			if got.Settings[name] != want {
				t.Errorf("%s is %q", name, got.Settings[name])
			}
		}
		if _, ok := got.Settings["message.timestamp.after.max.ms"]; k.real && !ok {
			t.Errorf("the settings are %v", got.Settings)
		}
		p.exchange(t, []exchange{
			{"GET", "/admin/topics/none", "", 404, `NOT_FOUND: There is no topic "none".`},
			{"GET", "/admin/topics/none", "", 404, `NOT_FOUND: There is no topic "none".`}, // it was not created
			{"GET", "/admin/topics/a%2Fb", "", 404, `NOT_FOUND: There is no topic "a/b".`},
			{"GET", "/admin/topics/%FF", "", 404, "NOT_FOUND: There is no topic "},
			{"GET", "/admin/topics/", "", 404, "NOT_FOUND: There is nothing at "},
			{"GET", "/admin/topics/" + topic + "/x", "", 404, "NOT_FOUND: There is nothing at "},
			{"DELETE", "/admin/topics/" + topic, "", 405, "METHOD_NOT_ALLOWED: "},
			{"POST", "/admin/topics", "", 405, "METHOD_NOT_ALLOWED: "},
		})
	})
}
