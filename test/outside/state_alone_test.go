package outside

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	// aloneLease is the replicas' lease while a broker has no followers.
	aloneLease = 6 * time.Second
	// followTime is how soon a broker that does not follow counts as behind.
	followTime = "3000"
)

// lonely is three brokers, whose followers can be kept from the one that leads the topic of the sessions.
type lonely struct {
	*replicas
	t       *testing.T
	brokers *kafka.Cluster
	roads   map[links.Road]*links.Link
}

func newLonely(t *testing.T) *lonely {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all addresses of 127.0.0.0/8")
	}
	l := &lonely{t: t, roads: make(map[links.Road]*links.Link)}
	l.brokers = kafka.RequireOwnCluster(t, kafka.ClusterOptions{
		Between: links.Roads(t, l.roads), Properties: map[string]string{"replica.lag.time.max.ms": followTime},
	})
	l.replicas = newReplicas(t, connect(t, l.brokers.Addr()), 2, "WSPROXY_SESSION_LEASE="+aloneLease.String(), "WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=true")
	return l
}

// follow lets the others fetch from a broker, or not.
func (l *lonely) follow(broker int32, follow bool) {
	for road, link := range l.roads {
		if road.To == broker && !road.Controller {
			link.Set(links.Way{Held: !follow}, links.Way{Held: !follow})
		}
	}
}

// inSync is how many brokers have all records of the topic of the sessions.
func (l *lonely) inSync() int {
	topics, err := l.kafka.admin.ListTopics(within(l.t, patience), l.topic)
	must(l.t, err)
	return len(topics[l.topic].Partitions[0].ISR)
}

func (l *lonely) set(name, value string) {
	l.t.Helper()
	_, err := l.kafka.admin.AlterTopicConfigs(within(l.t, patience), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, l.topic)
	must(l.t, err)
}

// awaitHeld waits until all replicas know so many sessions, each of which is held.
func (l *lonely) awaitHeld(c *roamers, clients int) {
	l.t.Helper()
	for _, p := range l.list {
		await(l.t, "the replica to admit clients", func() bool { return p.isWell(l.t) })
		await(l.t, "all sessions to be known", func() bool { return len(p.sessions(l.t)) == clients })
	}
	c.areHeld(l.list[1], l.list[0])
}

// TestLongAStateTopicWithTooFewInSyncIsToldToBe keeps the followers from the broker that leads the topic of the sessions, which
// Kafka lets nobody write to then. The replicas say so, with what helps, admit nobody who needs a session, and end no
// connection. Afterwards all is as before.
func TestLongAStateTopicWithTooFewInSyncIsToldToBe(t *testing.T) {
	t.Parallel()
	const clients = 10
	l := newLonely(t)
	c := roam(t, l.kafka.topic(1), clients, l.list...)
	leader := l.kafka.leader(l.topic)
	l.follow(leader, false)
	for _, p := range l.list {
		await(t, "the reason to be told", func() bool {
			return strings.Contains(p.Stderr.String(), "1 of 3 replicas of the topic are in sync") &&
				strings.Contains(p.Stderr.String(), "min.insync.replicas=2: Kafka refuses all records until enough are in sync")
		})
		await(t, "a replica to admit nobody", func() bool {
			return strings.Contains(p.Stderr.String(), "no heartbeat was acknowledged for the lease: who needs a session is refused")
		})
		_, status, err := tryHandshake(within(t, patience), p.url("/socket/in?clientId=late&instanceId=i&topic="+c.topic))
		if status != http.StatusServiceUnavailable || err != nil {
			t.Errorf("a new client is answered %d, %v", status, err)
		}
	}
	<-time.After(2 * aloneLease) // nothing may end until then
	l.follow(leader, true)
	l.awaitHeld(c, clients)
	for _, p := range l.list {
		await(t, "the end to be told", func() bool {
			return strings.Contains(p.Stderr.String(), "writing to the topic continues") && strings.Contains(p.Stderr.String(), "who needs a session is admitted again")
		})
	}
	if ends := c.codes(); len(ends) > 0 {
		t.Errorf("connections have ended: %v", ends)
	}
}

// TestLongSessionsThatAnUncleanElectionLosesAreWrittenAgain has the topic of the sessions led by a broker that lacks the records of
// half of the clients: somebody has allowed that. The replicas write them again, and each identity keeps its one holder.
func TestLongSessionsThatAnUncleanElectionLosesAreWrittenAgain(t *testing.T) {
	t.Parallel()
	const clients = 10
	l := newLonely(t)
	topic := l.kafka.topic(1)
	before := roam(t, topic, clients/2, l.list...)
	l.set("min.insync.replicas", "1")
	l.set("unclean.leader.election.enable", "true")
	leader := l.kafka.leader(l.topic)
	l.follow(leader, false)
	await(t, "the leader to be alone", func() bool { return l.inSync() == 1 })
	after := roamNamed(t, topic, "late", clients/2, l.list...)
	for _, p := range l.list {
		await(t, "all sessions to be known", func() bool { return len(p.sessions(t)) == clients })
	}
	must(t, l.brokers.Node(leader).Kill())
	l.follow(leader, true)
	await(t, "another leader", func() bool { now := l.kafka.leader(l.topic); return now != leader && now > 0 })
	for _, p := range l.list {
		await(t, "the loss to be noticed", func() bool { return strings.Contains(p.Stderr.String(), "was truncated") })
	}
	l.awaitHeld(before, clients)
	after.areHeld(l.list[1], l.list[0])
	must(t, l.brokers.Node(leader).Restart(within(t, patience)))
	await(t, "all to be in sync", func() bool { return l.inSync() == kafka.ClusterSize })
	l.awaitHeld(after, clients)
	for _, c := range []*roamers{before, after} {
		if ends := c.codes(); len(ends) > 0 {
			t.Errorf("connections have ended: %v", ends)
		}
	}
}
