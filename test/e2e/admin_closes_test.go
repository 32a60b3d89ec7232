package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// closeEntry is the end of a connection as the admin API shows it.
type closeEntry struct {
	Endpoint, Client, Group, Topic, Subject, Replica, Reason, Meaning string

	Code      int
	Records   int64
	Since, At time.Time
}

// TestAdminClosesSayWhy ends connections in four ways, and is told of each by the replica that had it, and by no other one.
func TestAdminClosesSayWhy(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t)
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, &kgo.Record{Value: []byte("1")})
		list := func(p *proxy, query string) []closeEntry {
			t.Helper()
			return parse[[]closeEntry](t, p.admin(t, http.MethodGet, "/admin/closes?topic="+topic+query, "").body)
		}
		// told waits until the newest close is of a client, and checks the rest of it.
		told := func(want closeEntry) {
			t.Helper()
			var got []closeEntry
			eventually(t, "the close of "+want.Client, func() bool {
				got = list(a, "&limit=1")
				return len(got) == 1 && got[0].Client == want.Client
			})
			if age := got[0].At.Sub(got[0].Since); age < 0 || age > patience {
				t.Errorf("it lasted %v", age)
			}
			want.Topic, want.Replica, want.Meaning = topic, "a", got[0].Meaning
			got[0].Since, got[0].At = time.Time{}, time.Time{}
			if got[0] != want || want.Meaning == "" {
				t.Errorf("got %+v, want %+v", got[0], want)
			}
		}

		a.in(t, topic, "clientId=writer").close()
		told(closeEntry{Endpoint: "in", Client: "writer", Code: 1000})

		_ = a.dial(t, tailPath(topic, "clientId=watcher")).conn.Close(4999, "") // which the proxy answers, or the test says so
		told(closeEntry{Endpoint: "tail", Client: "watcher", Code: 4999})

		reader := a.out(t, topic, "clientId=reader", "groupId="+group)
		reader.deliveries(1)
		var id string
		eventually(t, "the session", func() bool {
			all := a.sessions(t)
			if len(all) == 1 {
				id = all[0].ID
			}
			return id != ""
		})
		a.admin(t, http.MethodDelete, "/admin/sessions/"+url.PathEscape(id), "")
		reader.ended(4409)
		told(closeEntry{Endpoint: "out", Client: "reader", Group: group, Code: 4409, Records: 1, Reason: "An administrator has ended this connection."})

		_ = a.in(t, topic, "clientId=cut").conn.CloseNow()
		told(closeEntry{Endpoint: "in", Client: "cut", Code: 1006})

		if got := list(b, ""); len(got) != 0 {
			t.Errorf("another replica tells of %+v", got)
		}
		if got := list(a, "&client=reader"); len(got) != 1 || got[0].Group != group {
			t.Errorf("of the reader it tells %+v", got)
		}
		a.exchange(t, []exchange{{"GET", "/admin/closes?limit=0", "", 400, "INVALID_PARAMETER: limit: must be a whole number from 1 to 2147483647."}})
	})
}
