package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
)

// sessionEntry is a session as the admin API shows it.
type sessionEntry struct {
	ID, Kind, Client, Group, Instance, Topic, Replica string

	Since time.Time
	Held  *int // of workers of a queue
}

// sessions lists the sessions that a replica knows.
func (p *proxy) sessions(t *testing.T) []sessionEntry {
	t.Helper()
	return parse[[]sessionEntry](t, p.admin(t, http.MethodGet, "/admin/sessions", "").body)
}

// twoReplicas starts two proxies that share sessions, named a and b, with the admin endpoint and further settings.
func (k *cluster) twoReplicas(t *testing.T, settings ...string) (a, b *proxy) {
	t.Helper()
	settings = append(settings, "SESSION_STATE_TOPIC="+shared.run+"."+unique("sessions"), "ADMIN_ENDPOINT_ENABLED=true")
	replica := func(name string) *proxy { return k.start(t, append([]string{"SERVER_ID=" + name}, settings...)...) }
	return replica("a"), replica("b")
}

func TestAdminSessionsOfAllReplicas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		a, b := k.twoReplicas(t, "KAFKA_PRODUCER_SESSIONS_ENABLED=true")
		if got := a.admin(t, http.MethodGet, "/admin/sessions", ""); got.body != "[]" {
			t.Errorf("nobody is connected: %s", got.body)
		}
		topic, group, began := k.topic(t, 1), k.group(), time.Now()
		reader := a.out(t, topic, "clientId=reader/ü", "groupId="+group)
		writer := b.in(t, topic, "clientId=writer", "instanceId=1")
		eventually(t, "both replicas list both", func() bool { return len(a.sessions(t)) == 2 && len(b.sessions(t)) == 2 })
		want := map[string]sessionEntry{
			"consumer": {Kind: "consumer", Client: "reader/ü", Group: group, Topic: topic, Replica: "a"},
			"producer": {Kind: "producer", Client: "writer", Instance: "1", Topic: topic, Replica: "b"},
		}
		ids := make(map[string]string)
		for _, got := range b.sessions(t) {
			ids[got.Kind] = got.ID
			if age := got.Since.Sub(began); age < -time.Second || age > patience {
				t.Errorf("since %v, which is %v after the start", got.Since, age)
			}
			got.ID, got.Since = "", time.Time{}
			if got != want[got.Kind] {
				t.Errorf("got %+v", got)
			}
		}
		for _, test := range []struct {
			kind      string
			at, other *proxy
			client    *client
		}{
			{"consumer", b, a, reader}, {"producer", a, b, writer},
		} {
			path := "/admin/sessions/" + url.PathEscape(ids[test.kind])
			if got := test.at.admin(t, http.MethodDelete, path, ""); got.status != 200 || got.body != "{}" {
				t.Errorf("evicting the %s: %d %s", test.kind, got.status, got.body)
			}
			test.client.ended(4409)
			if got := test.at.admin(t, http.MethodDelete, path, ""); got.status != 404 || got.failure(t).Code != "NOT_FOUND" {
				t.Errorf("evicting the %s again: %d %s", test.kind, got.status, got.body)
			}
			eventually(t, "the other replica has seen it too", func() bool {
				for _, session := range test.other.sessions(t) {
					if session.ID == ids[test.kind] {
						return false
					}
				}
				return true
			})
		}
	})
}

// TestAdminSessionsAreSelected lists the sessions of three clients by filters, and by pages.
func TestAdminSessionsAreSelected(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.start(t, "SESSION_STATE_TOPIC="+shared.run+"."+unique("sessions"), "SERVER_ID=a", "ADMIN_ENDPOINT_ENABLED=true")
		p.awaitReady(t, true)
		one, two, group, other := k.topic(t, 2), k.topic(t, 1), k.group(), k.group()
		p.out(t, one, "clientId=x ü", "groupId="+group)
		p.out(t, one, "clientId=y", "groupId="+group)
		p.out(t, two, "clientId=x ü", "groupId="+other)
		path := func(query ...string) string {
			values := url.Values{}
			for i := 0; i < len(query); i += 2 {
				values.Set(query[i], query[i+1])
			}
			return "/admin/sessions?" + values.Encode()
		}
		list := func(path string) (found []string) {
			for _, s := range parse[[]sessionEntry](t, p.admin(t, http.MethodGet, path, "").body) {
				found = append(found, fmt.Sprint(s.Client, " in ", s.Group))
			}
			slices.Sort(found)
			return found
		}
		first, second, third := "x ü in "+group, "y in "+group, "x ü in "+other
		for query, want := range map[string][]string{
			path():                             {first, second, third},
			path("group", group):               {first, second},
			path("client", "x ü"):              {first, third},
			path("topic", two):                 {third},
			path("replica", "a", "client", ""): {first, second, third},
			path("replica", "b"):               nil,
			path("group", group, "client", "y", "topic", one, "replica", "a"): {second},
		} {
			slices.Sort(want)
			if got := list(query); !slices.Equal(got, want) {
				t.Errorf("%s: got %q", query, got)
			}
		}
		id := func(s sessionEntry) string { return s.ID }
		all := pages(t, p, path(), 3, id)
		for limit := 1; limit <= 3; limit++ {
			if got := pages(t, p, path("limit", fmt.Sprint(limit)), limit, id); !slices.Equal(got, all) || !slices.IsSorted(got) || len(got) != 3 {
				t.Errorf("by pages of %d: got %q, want %q", limit, got, all)
			}
		}
		p.exchange(t, []exchange{
			{"GET", path("limit", "0"), "", 400, "INVALID_PARAMETER: limit: must be a whole number from 1 to 2147483647."},
			{"GET", path() + "&group=a&group=b", "", 400, "INVALID_PARAMETER: group: is given more than once."},
			{"GET", path("after", "zzz"), "", 200, "[]"},
		})
	})
}
