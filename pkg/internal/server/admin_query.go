package server

import (
	"cmp"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/admin"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// listGroups lists the consumer groups that the query parameters select.
func listGroups(groups *admin.Groups) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		which := admin.ListedGroups{
			ActiveOnly: q.boolean("activeOnly", false), Internal: q.boolean("includeInternals", false),
			Type:  proxy.GroupType(q.option("type", string(proxy.ClassicGroup), string(proxy.ConsumerGroup), string(proxy.ShareGroup))),
			After: proxy.GroupID(q.after()), Limit: q.positive("limit"),
		}
		if e := q.err(); e != nil {
			return nil, e
		}
		return groups.All(r.Context(), which)
	}
}

// listTopics lists the topics of the page that the query parameters select.
func listTopics(topics *admin.Topics) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		after, limit := q.after(), q.positive("limit")
		if e := q.err(); e != nil {
			return nil, e
		}
		return topics.All(r.Context(), after, limit)
	}
}

// alterOffsets sets the offsets of a group, or only tells what they would be.
func alterOffsets(groups *admin.Groups) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		trial := q.boolean("dryRun", false)
		if e := q.err(); e != nil {
			return nil, e
		}
		return groups.AlterOffsets(r, trial)
	}
}

// listSessions lists the sessions that the query parameters select.
func listSessions(sessions *admin.Sessions) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		which := session.Filter{
			Client: proxy.ClientID(q.identifier("client", q.text("client"))), Group: proxy.GroupID(q.identifier("group", q.text("group"))),
			Topic: q.topicName(q.text("topic")), Replica: q.text("replica"), After: q.after(),
		}
		figures := q.boolean("figures", false)
		which.Limit = q.limit(figures, session.MostAsked)
		if e := q.err(); e != nil {
			return nil, e
		}
		if figures {
			return sessions.WithFigures(r.Context(), which)
		}
		return sessions.All(which)
	}
}

// defaultCloses is how many closes of all replicas are listed where no limit is given.
const defaultCloses = 50

// listCloses lists the last closes on this replica, or on all, that the query parameters select.
func listCloses(closes *admin.Closes, peers admin.Peers) admin.Endpoint {
	return func(r *http.Request) (any, error) {
		q := parseQuery(r.URL.RawQuery)
		which := admin.ListedCloses{
			Client: proxy.ClientID(q.identifier("client", q.text("client"))), Group: proxy.GroupID(q.identifier("group", q.text("group"))),
			Topic: q.topicName(q.text("topic")),
		}
		everywhere := q.option("replicas", "all") != ""
		which.Limit = q.limit(everywhere, defaultCloses)
		if e := q.err(); e != nil {
			return nil, e
		}
		if everywhere {
			return closes.Everywhere(r.Context(), which, peers), nil
		}
		return closes.All(which), nil
	}
}

// limit returns the most entries of a list, 0 for all. Where other replicas are asked for it there is always one, of session.MostAsked at most.
func (q *query) limit(asks bool, otherwise int) int {
	limit := q.positive("limit")
	if asks {
		return min(cmp.Or(limit, otherwise), session.MostAsked)
	}
	return limit
}

// after returns the id after which a page of a list begins. It may have any characters, since ids that
// the proxy did not choose may.
func (q *query) after() string {
	values := q.values["after"]
	if len(values) > 1 {
		q.fault("after", "is given more than once.")
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
