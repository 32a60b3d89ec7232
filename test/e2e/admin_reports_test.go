package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// silentReplicas is the header that names replicas that did not tell what they know.
const silentReplicas = "X-Wsproxy-Silent-Replicas"

// TestAdminTellsFiguresOfOtherReplicas asks one replica for what another one knows of its connections.
func TestAdminTellsFiguresOfOtherReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t)
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, &kgo.Record{Value: []byte("1")}, &kgo.Record{Value: []byte("2")}, &kgo.Record{Value: []byte("3")})
		reader := a.out(t, topic, "clientId=reader", "groupId="+group, "autoCommit=false")
		reader.deliveries(3)
		a.dial(t, tailPath(topic, "clientId=watcher"))

		path := "/admin/sessions?figures=true&topic=" + topic
		eventually(t, "what another replica knows", func() bool {
			answer := b.admin(t, http.MethodGet, path, "")
			got := fmt.Sprint(parse[[]told](t, answer.body))
			return got == "[consumer 3 3 tail - -]" && answer.header.Get(silentReplicas) == ""
		})
		eventually(t, "what it knows without asking", func() bool {
			return fmt.Sprint(parse[[]told](t, b.admin(t, http.MethodGet, "/admin/sessions?topic="+topic, "").body)) == "[consumer - -]"
		})
		b.exchange(t, []exchange{
			{"GET", "/admin/sessions?figures=true&limit=0", "", 400, "INVALID_PARAMETER: limit: must be a whole number from 1 to 2147483647."},
			{"GET", "/admin/closes?replicas=some", "", 400, "INVALID_PARAMETER: replicas: must be one of all."},
		})
	})
}

// TestAdminTellsClosesOnOtherReplicas of a client that went from one to another.
func TestAdminTellsClosesOnOtherReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t)
		topic := k.topic(t, 1)
		a.in(t, topic, "clientId=wanderer").close()
		eventually(t, "the first close", func() bool {
			return len(parse[[]closeEntry](t, a.admin(t, http.MethodGet, "/admin/closes?client=wanderer", "").body)) == 1
		})
		_ = b.in(t, topic, "clientId=wanderer").conn.CloseNow()
		b.in(t, topic, "clientId=other").close()
		for _, p := range []*proxy{a, b} {
			var got []closeEntry
			eventually(t, "both closes", func() bool {
				answer := p.admin(t, http.MethodGet, "/admin/closes?replicas=all&client=wanderer", "")
				got = parse[[]closeEntry](t, answer.body)
				return len(got) == 2 && answer.header.Get(silentReplicas) == ""
			})
			if got[0].Replica != "b" || got[0].Code != 1006 || got[1].Replica != "a" || got[1].Code != 1000 || got[1].Meaning == "" {
				t.Errorf("got %+v", got)
			}
		}
	})
}
