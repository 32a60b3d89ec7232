package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/session"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// closesKept is how many closes a replica remembers. One takes some hundred bytes, 5 KB at most.
const closesKept = 500

// Close is the end of a connection, in JSON. What does not apply to it is left out.
type Close struct {
	Endpoint string          `json:"endpoint"` // the last part of its path, as in out
	Client   proxy.ClientID  `json:"client,omitempty"`
	Group    proxy.GroupID   `json:"group,omitempty"`
	Topic    string          `json:"topic"` // several are separated by commas
	Subject  string          `json:"subject,omitempty"`
	Replica  string          `json:"replica"`
	Code     proxy.CloseCode `json:"code"`
	Reason   string          `json:"reason,omitempty"` // as the proxy gave it to the client
	Meaning  string          `json:"meaning"`
	Records  int64           `json:"records"`
	Since    time.Time       `json:"since"` // RFC 3339, UTC
	At       time.Time       `json:"at"`    // RFC 3339, UTC
}

// Closes are the last closes of connections to this replica. The zero value has none.
type Closes struct {
	mu   sync.Mutex
	list []Close // a ring once it has closesKept
	next int     // where the next one goes, which is the oldest of a full ring
}

// Add remembers the end of a connection, in the place of the oldest one where there are enough.
func (c *Closes) Add(one Close) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) < closesKept {
		c.list = append(c.list, one)
		return
	}
	c.list[c.next] = one
	c.next = (c.next + 1) % closesKept
}

// ListedCloses selects closes. An empty member selects all.
type ListedCloses struct {
	Client proxy.ClientID
	Group  proxy.GroupID
	Topic  string
	Limit  int // at most so many, the newest; 0 is no limit
}

func (l *ListedCloses) selects(c *Close) bool {
	return (l.Client == "" || l.Client == c.Client) && (l.Group == "" || l.Group == c.Group) &&
		(l.Topic == "" || slices.Contains(strings.Split(c.Topic, ","), l.Topic))
}

// All lists the closes that are selected, the newest first, with what their codes mean.
func (c *Closes) All(which ListedCloses) []Close {
	words := meanings()
	c.mu.Lock()
	defer c.mu.Unlock()
	found := []Close{}
	for i := range c.list {
		one := &c.list[(c.next+len(c.list)-1-i)%len(c.list)]
		if which.selects(one) {
			found = append(found, *one)
			found[len(found)-1].Meaning = meaningOf(one.Code, words)
		}
		if which.Limit > 0 && len(found) == which.Limit {
			break
		}
	}
	return found
}

// Everywhere lists the closes of all replicas that are selected, the newest first by the clocks of their replicas, with what their codes mean.
// The limit holds for each replica and for the whole; session.MostAsked is the greatest.
func (c *Closes) Everywhere(ctx context.Context, which ListedCloses, peers Peers) Answer {
	reports, silent := ask(ctx, peers, session.Question{Closes: &session.EndsOfWhom{
		Client: which.Client, Group: which.Group, Topic: which.Topic, Limit: which.Limit,
	}})
	all, words := c.All(which), meanings()
	for _, r := range reports {
		for _, one := range r.Closes {
			one.Replica, one.Meaning = r.replica, meaningOf(one.Code, words)
			all = append(all, one)
		}
	}
	slices.SortStableFunc(all, func(a, b Close) int { return b.At.Compare(a.At) })
	return Answer{Body: all[:min(len(all), which.Limit)], SilentReplicas: silent}
}

func meaningOf(code proxy.CloseCode, words map[proxy.CloseCode]string) string {
	return cmp.Or(words[code], "A code of the client's own.")
}

// meanings say in words, for an administrator, what close codes mean.
func meanings() map[proxy.CloseCode]string {
	return map[proxy.CloseCode]string{
		proxy.CloseNormal:           "One of the two sides was done.",
		proxy.CloseGoingAway:        "The client has gone away, as a page does that is left.",
		proxy.CloseProtocolError:    "Frames were broken, or pings were answered wrongly.",
		proxy.CloseNoStatus:         "The client has closed it without a code.",
		proxy.CloseAbnormal:         "The connection was cut: the network, or a client that ended without a close frame, or that did not answer.",
		proxy.CloseInvalidPayload:   "A text was not UTF-8, or could not be inflated.",
		proxy.ClosePolicyViolation:  "The client did not keep to the protocol of messages.",
		proxy.CloseMessageTooBig:    "A message was too long.",
		proxy.CloseInternal:         "One of the two sides has failed.",
		proxy.CloseServiceRestart:   "The client was to come back at once: the replica shut down, the connection was old, or the topic was made again.",
		proxy.CloseTryAgainLater:    "The client was to come back later: Kafka was away for too long, or the client took nothing.",
		proxy.CloseBadParameter:     "A parameter was wrong, or there was no valid offset to begin at.",
		proxy.CloseNotAuthenticated: "The credentials have expired or were revoked.",
		proxy.CloseNotAuthorized:    "The client may not do this anymore.",
		proxy.CloseTopicNotFound:    "The topic was deleted.",
		proxy.CloseReplaced:         "Another connection has its place, or an administrator has ended it.",
		proxy.CloseLimitReached:     "A limit of connections was reached.",
	}
}
