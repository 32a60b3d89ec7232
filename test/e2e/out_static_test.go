package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// atOnce is less than the session timeout of these tests: a member that is gone by then has left the
// group.
const (
	atOnce      = 20 * time.Second
	longSession = "CONSUMER_SESSION_TIMEOUT=45s"
)

// TestOutWhoClosesLeavesTheGroupAtOnce checks in Kafka which members a group has after a connection has
// ended. The group keeps the member of a client that was cut off.
func TestOutWhoClosesLeavesTheGroupAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		p := k.start(t, longSession, "ADMIN_ENDPOINT_ENABLED=true", "SESSION_STATE_TOPIC="+shared.run+"."+unique("sessions"))
		for name, test := range map[string]struct {
			end  func(*raw)
			left int
		}{
			"1000":          {func(c *raw) { c.send(opClose, "\x03\xe8") }, 0},
			"1001":          {func(c *raw) { c.send(opClose, "\x03\xe9") }, 0},
			"no close code": {func(c *raw) { c.send(opClose, "") }, 0},
			"evicted":       {func(*raw) { p.evictAll(t) }, 0},
			"RST":           {func(c *raw) { c.reset() }, 1},
			"FIN":           {func(c *raw) { _ = c.conn.Close() }, 1},
		} {
			group := k.group()
			c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
			c.message()
			k.member(t, group)
			test.end(c)
			eventuallyWithin(t, atOnce, "the session is over: "+name, func() bool { return len(p.sessions(t)) == 0 })
			// A member that leaves has left before its session times out.
			if got := k.members(t, group); got != test.left && name != "evicted" {
				t.Errorf("%s: the group has %d members, want %d", name, got, test.left)
			}
			eventuallyWithin(t, atOnce, "who is in the group after "+name, func() bool { return k.members(t, group) == test.left })
		}
		group := k.group()
		p.raw(t, target("/socket/out", topic, []string{"groupId=" + group})).message()
		k.member(t, group)
		p.app.Shutdown()
		if got := k.members(t, group); got != 0 {
			t.Errorf("drained: the group has %d members", got)
		}
	})
}

// evictAll ends all sessions.
func (p *proxy) evictAll(t *testing.T) {
	t.Helper()
	for _, s := range p.sessions(t) {
		if got := p.admin(t, http.MethodDelete, "/admin/sessions/"+url.PathEscape(s.ID), ""); got.status != http.StatusOK {
			t.Errorf("evicting %s: %d %s", s.ID, got.status, got.body)
		}
	}
}

// native is a member of a group that does not use the proxy.
type native struct {
	client *kgo.Client
	polled chan struct{}
}

func (k *cluster) native(t *testing.T, group, topic string) *native {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableClientMetrics(),
		kgo.HeartbeatInterval(200*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	n := &native{client, make(chan struct{})}
	go func() {
		defer close(n.polled)
		for !client.PollFetches(t.Context()).IsClientClosed() && t.Context().Err() == nil {
			continue
		}
	}()
	t.Cleanup(func() {
		client.Close()
		<-n.polled
	})
	return n
}

// generation counts the rebalances of the group.
func (n *native) generation() int32 {
	_, generation := n.client.GroupMetadata()
	return generation
}

// settled waits until a group is stable with so many members that all have partitions, and
// returns the proxy's member in it.
func (k *cluster) settled(t *testing.T, group string, members int) (id string) {
	t.Helper()
	eventually(t, "the group is settled", func() bool {
		g := k.described(t, group)
		id = ""
		for i := range g.Members {
			m := &g.Members[i]
			if a, ok := m.Assigned.AsConsumer(); !ok || len(a.Topics) == 0 {
				return false
			}
			if m.InstanceID != nil {
				id = m.MemberID
				if *m.InstanceID != "wsproxy-phone" || m.ClientID != "phone" {
					t.Fatalf("the member is instance %q of client.id %q", *m.InstanceID, m.ClientID)
				}
			}
		}
		return g.State == "Stable" && len(g.Members) == members && id != ""
	})
	return id
}

// TestOutAClientThatWasCutOffFindsItsPlace reconnects a client through another replica while its group
// has another member, which sees whether there is a rebalance. The client leads the group, or does not.
func TestOutAClientThatWasCutOffFindsItsPlace(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			// kfake rebalances where a returning member does not name the partitions that it had.
			onReal(t, func(t *testing.T, k *cluster) { k.comesBack(t, leads) })
		})
	}
}

func (k *cluster) comesBack(t *testing.T, leads bool) {
	const partitions = 4
	topic, group := k.topic(t, partitions), k.group()
	settings := []string{longSession, "SESSION_STATE_TOPIC=" + shared.run + "." + unique("sessions")}
	replicas := []*proxy{k.start(t, settings...), k.start(t, settings...)}
	path := target("/socket/out", topic, []string{"groupId=" + group, "clientId=phone"})
	phone, witness := k.pair(t, replicas[0], topic, group, leads)
	member := k.settled(t, group, 2)
	generation := witness.generation()
	returns := func(how string, p *proxy, path string) {
		t.Helper()
		phone = p.raw(t, path)
		eventually(t, "the client is back, "+how, func() bool { return k.settled(t, group, 2) != member })
		member = k.settled(t, group, 2)
		k.produce(t, topic, numbered(0, 100*partitions, partitions, 0)...)
		var had []int32
		for range 100 {
			if d := parse[delivery](t, phone.message()); !slices.Contains(had, d.Partition) {
				had = append(had, d.Partition)
			}
		}
		if got := witness.generation(); got != generation {
			t.Errorf("%s: the group is in generation %d, and was in %d", how, got, generation)
		}
	}
	phone.reset()
	returns("after a RST, through another replica", replicas[1], path)
	returns("from a connection that looks alive and does not answer", replicas[0], path)
	returns("through the same replica", replicas[0], path+"&onConflict=takeover")
	phone.send(opClose, "\x03\xe8")
	eventuallyWithin(t, atOnce, "the group has only its other member", func() bool { return k.members(t, group) == 1 })
	eventually(t, "the other member rebalances", func() bool { return witness.generation() != generation })
}

// TestOutAClientComesBackForAnotherTopic returns a client that was cut off to its group for a topic that
// no member reads. Kafka still assigns it its partitions of the former topic.
func TestOutAClientComesBackForAnotherTopic(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, k *cluster) {
				const partitions = 4
				former, next, group := k.topic(t, partitions), k.topic(t, partitions), k.group()
				p := k.start(t, longSession)
				phone, _ := k.pair(t, p, former, group, leads)
				phone.reset()
				k.produce(t, former, numbered(0, partitions, partitions, 0)...)
				k.produce(t, next, numbered(100, partitions, partitions, 0)...)
				phone = p.raw(t, target("/socket/out", next, []string{"groupId=" + group, "clientId=phone"}))
				for range partitions {
					if value := parse[delivery](t, phone.message()).Value.Value; !strings.HasPrefix(string(value), `"10`) {
						t.Errorf("delivered %s of the former topic", value)
					}
				}
				eventually(t, "the other member has all of the former topic", func() bool {
					return k.assigned(t, group, former) == partitions && k.assigned(t, group, next) == partitions
				})
			})
		})
	}
}

// TestOutNobodyIsLeftBehindAfterATakeover has the connection that took over close while the old one, whose client does not
// answer, still ends: the old member must not join the group again.
func TestOutNobodyIsLeftBehindAfterATakeover(t *testing.T) {
	const rejoinsWithin = 2 * time.Second // it hears from Kafka with its next heartbeat, and franz-go pauses for 0.25 s then
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		p := k.start(t, "CONSUMER_SESSION_TIMEOUT=6s") // a heartbeat each 1.2 s
		path := target("/socket/out", topic, []string{"groupId=" + group, "clientId=phone", "onConflict=takeover"})
		p.raw(t, path).message()
		heir := p.raw(t, path)
		heir.message()
		heir.send(opClose, "\x03\xe8")
		eventually(t, "the group has no member", func() bool { return k.members(t, group) == 0 })
		for begun := time.Now(); time.Since(begun) < rejoinsWithin; {
			if got := k.members(t, group); got != 0 {
				t.Fatalf("the group has %d members again", got)
			}
			<-time.After(lookInterval)
		}
	})
}

// TestOutPartitionsAddedWhileTheClientWasAway adds partitions while the leader of the group, which would
// notice them, is disconnected.
func TestOutPartitionsAddedWhileTheClientWasAway(t *testing.T) {
	t.Parallel()
	for name, leads := range map[string]bool{"leader": true, "follower": false} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, k *cluster) {
				const before, after = 2, 6
				topic, group := k.topic(t, before), k.group()
				p := k.start(t, longSession)
				phone, _ := k.pair(t, p, topic, group, leads)
				phone.reset()
				k.addPartitions(t, topic, after-before)
				p.out(t, topic, "groupId="+group, "clientId=phone").collected()
				eventually(t, "all partitions are assigned", func() bool { return k.assigned(t, group, topic) == after })
			})
		})
	}
}

// pair makes the client "phone" and a native member share a group, of which phone is the leader or not.
func (k *cluster) pair(t *testing.T, p *proxy, topic, group string, leads bool) (phone *raw, witness *native) {
	t.Helper()
	if !leads {
		witness = k.native(t, group, topic)
		eventually(t, "the other member is in", func() bool { return k.members(t, group) == 1 })
	}
	phone = p.raw(t, target("/socket/out", topic, []string{"groupId=" + group, "clientId=phone"}))
	if leads {
		k.settled(t, group, 1)
		witness = k.native(t, group, topic)
	}
	k.settled(t, group, 2)
	return phone, witness
}

// assigned counts the partitions of a topic that members of a group have.
func (k *cluster) assigned(t *testing.T, group, topic string) (count int) {
	t.Helper()
	for _, m := range k.described(t, group).Members {
		a, _ := m.Assigned.AsConsumer()
		if a == nil {
			continue
		}
		for _, of := range a.Topics {
			if of.Topic == topic {
				count += len(of.Partitions)
			}
		}
	}
	return count
}

// TestOutATakeoverEndsTheOldConnection checks what the old connection is told, and that the new one
// continues at the committed offsets.
func TestOutATakeoverEndsTheOldConnection(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		p := k.start(t, longSession)
		old := p.out(t, topic, "groupId="+group, "clientId=phone")
		old.deliveries(10)
		k.settled(t, group, 1)
		heir := p.out(t, topic, "groupId="+group, "clientId=phone", "onConflict=takeover")
		frames := old.ended(4409)
		if len(frames) != 1 || parse[delivery](t, frames[0]).Error == nil || parse[delivery](t, frames[0]).Error.Code != "DUPLICATE_CLIENT" {
			t.Errorf("got %v", frames)
		}
		k.produce(t, topic, numbered(10, 1, 1, 0)...)
		next := int64(-1)
		for next < 10 {
			d := heir.delivery()
			if next >= 0 && d.Offset != next+1 {
				t.Fatalf("delivered %d after %d", d.Offset, next)
			}
			next = d.Offset
		}
		go func() { _, _ = heir.next() }() // answers the ping
		k.awaitCommit(t, group, topic, 11)
		k.settled(t, group, 1)
	})
}
