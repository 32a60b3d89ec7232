package outside

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	churnPartitions = 12
	churnConsumers  = 6
	churnSession    = 10 * time.Second
	quietRestarts   = 3 // restarts of consumers while nothing else happens
	longPause       = 100 * time.Millisecond
)

// churn is a group whose consumers come and go while it reads.
type churn struct {
	t            testing.TB
	size         scale
	replicas     *replicas
	topic, group string
	anew         bool // consumers that restart close, and reconnect as other clients
	witness      *kgo.Client
	alive        []*churned // connected consumers, the longest connected first
	joined       int
	total        int // records that are written
	readers      sync.WaitGroup

	mu      sync.Mutex // guards what follows
	tally   *tally
	last    map[int32]arrival // by partition
	gaps    []gap             // the long ones
	endings int               // streams that the proxy has ended
}

// churned is one connection of a consumer.
type churned struct {
	number int
	client string
	conn   *websocket.Conn
	tcp    *net.TCPConn
}

// arrival is when a record of a partition came, and by which connection.
type arrival struct {
	at     time.Time
	number int
}

// TestLongConsumersComeAndGo repeatedly kills, adds and restarts consumers of a group, once with clients
// that reconnect with the same identity, and once with a new one: no record is skipped, and clients that
// reconnect with the same identity cause no rebalance.
func TestLongConsumersComeAndGo(t *testing.T) {
	t.Parallel()
	size := scaled()
	k := realKafka(t)
	rebalances := make(map[bool]int32)
	for _, anew := range []bool{false, true} {
		name := "as the same clients"
		if anew {
			name = "as other clients"
		}
		t.Run(name, func(t *testing.T) {
			rebalances[anew] = newChurn(t, k, size, anew).run()
		})
	}
	if rebalances[false] >= rebalances[true] {
		t.Errorf("restarts cause %d rebalances with clients that come back, %d with others", rebalances[false], rebalances[true])
	}
}

func newChurn(t testing.TB, k *cluster, size scale, anew bool) *churn {
	t.Helper()
	n := int(size.churn.Seconds()) * size.churnRate
	c := &churn{
		t: t, size: size, topic: k.topic(churnPartitions), anew: anew, last: map[int32]arrival{},
		total: n, tally: newTally(churnPartitions, n/churnPartitions+1),
	}
	c.group = c.topic
	c.replicas = newReplicas(t, k, 2, "WSPROXY_CONSUMER_SESSION_TIMEOUT="+churnSession.String())
	for i := range churnConsumers {
		c.join(fmt.Sprintf("first-%d", i))
	}
	c.watch(k)
	return c
}

// watch joins the group as a native member that sees how often it rebalances. It reads a topic
// of its own, so that it has none of the others' partitions.
func (c *churn) watch(k *cluster) {
	c.t.Helper()
	witness, err := kgo.NewClient(seeds(k.addr), kgo.ConsumerGroup(c.group), kgo.ConsumeTopics(k.topic(1)),
		kgo.HeartbeatInterval(200*time.Millisecond))
	must(c.t, err)
	c.t.Cleanup(witness.Close)
	c.witness = witness
	go func() {
		for !witness.PollFetches(c.t.Context()).IsClientClosed() && c.t.Context().Err() == nil {
			continue
		}
	}()
}

// run returns how often the group has rebalanced while only restarts happened. Rebalances with other
// causes at the same time would hide some of these.
func (c *churn) run() int32 {
	c.settle(churnConsumers + 1)
	before := c.generation()
	for range quietRestarts {
		c.restart()
		c.settle(churnConsumers + 1)
	}
	quiet := c.generation() - before
	if !c.anew && quiet != 0 {
		c.t.Errorf("%d restarts of consumers caused %d rebalances", quietRestarts, quiet)
	}
	before = c.generation()
	watching, watched := context.WithCancel(c.t.Context())
	defer watched()
	owners := watchOwners(watching, c.t, c.replicas.kafka, c.group, c.topic, churnPartitions)
	events := c.comeAndGo()
	await(c.t, "all records", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.tally.distinct == c.total
	})
	await(c.t, "all commits", func() bool { return sum(c.replicas.kafka.committed(c.group, c.topic)) == int64(c.total) })
	rebalances := c.generation() - before
	watched()
	c.leave()
	longest := c.longestPause(owners)
	c.t.Logf("%d restarts alone: %d rebalances; %d times one killed, one added, one restarted: %d rebalances; "+
		"%d records, %d twice, none skipped; longest pause of a partition that stayed %v; streams ended by the proxy: %d",
		quietRestarts, quiet, events, rebalances, c.total, c.tally.duplicates(), longest.Round(time.Millisecond), c.endings)
	if longest >= churnSession {
		c.t.Errorf("a partition that stayed where it was had a pause of %v", longest)
	}
	return quiet
}

// longestPause returns the longest pause of a partition that stayed where it was. One that moved to a consumer which was killed before it
// had a record, and then came back, did not.
func (c *churn) longestPause(o *owners) (longest time.Duration) {
	for _, g := range c.gaps {
		switch {
		case o.stayed(g):
			longest = max(longest, g.length())
		case g.length() >= churnSession:
			c.t.Logf("partition %d moved away and back during %v without a record", g.partition, g.length())
		}
	}
	return longest
}

func (c *churn) generation() int32 {
	_, generation := c.witness.GroupMetadata()
	return generation
}

// settle waits until the group is stable, with so many members, and rebalances no more by itself.
func (c *churn) settle(members int) {
	c.t.Helper()
	await(c.t, "the group to be stable", func() bool {
		groups, err := c.replicas.kafka.admin.DescribeGroups(within(c.t, patience), c.group)
		if err != nil || groups[c.group].State != "Stable" || len(groups[c.group].Members) != members {
			return false
		}
		assigned := 0
		for _, m := range groups[c.group].Members {
			if a, ok := m.Assigned.AsConsumer(); ok {
				for _, topic := range a.Topics {
					assigned += len(topic.Partitions)
				}
			}
		}
		// A partition that is to move from one member to another is assigned to none before the next rebalance (KIP-429).
		return assigned == churnPartitions+1 && c.isCurrent()
	})
}

// isCurrent tells whether the witness knows of the last rebalance.
func (c *churn) isCurrent() bool {
	heartbeat := kmsg.NewPtrHeartbeatRequest()
	heartbeat.Group = c.group
	heartbeat.MemberID, heartbeat.Generation = c.witness.GroupMetadata()
	answer, err := heartbeat.RequestWith(within(c.t, patience), c.witness)
	return err == nil && answer.ErrorCode == 0
}

// comeAndGo writes records, and makes consumers connect and disconnect meanwhile. It returns how often.
func (c *churn) comeAndGo() (events int) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write(c.size.churnRate, int(c.size.churn.Seconds()))
	}()
	ticker := time.NewTicker(c.size.churnEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			events++
			c.kill(c.take())
			c.join(fmt.Sprintf("added-%d", events))
			c.restart()
		case <-written:
			return events
		}
	}
}

// write writes records evenly for some seconds.
func (c *churn) write(rate, seconds int) {
	const slices = 50 // of a second
	ticker := time.NewTicker(time.Second / slices)
	defer ticker.Stop()
	k, n := c.replicas.kafka, 0
	for range slices * seconds {
		<-ticker.C
		for range rate / slices {
			k.client.Produce(context.WithoutCancel(c.t.Context()), &kgo.Record{
				Topic: c.topic, Partition: int32(n % churnPartitions), Value: []byte("200 bytes would show nothing else"),
			}, func(_ *kgo.Record, err error) {
				if err != nil {
					c.t.Errorf("writing: %v", err)
				}
			})
			n++
		}
	}
	if err := k.client.Flush(context.WithoutCancel(c.t.Context())); err != nil {
		c.t.Errorf("writing: %v", err)
	}
}

// join connects a consumer through the next replica. It may be refused until the consumers that
// disconnected have left the group.
func (c *churn) join(client string) {
	c.t.Helper()
	c.joined++
	p := c.replicas.list[c.joined%len(c.replicas.list)]
	url := p.url(fmt.Sprintf("/socket/out?clientId=%s&groupId=%s&topic=%s", client, c.group, c.topic))
	m := &churned{number: c.joined, client: client}
	await(c.t, client+" to be let in", func() bool {
		var status int
		var err error
		m.conn, m.tcp, status, err = tryHandshakeTCP(within(c.t, patience), url)
		must(c.t, err)
		if m.conn == nil && status != http.StatusTooManyRequests {
			c.t.Fatalf("%s is refused with %d", client, status)
		}
		return m.conn != nil
	})
	c.t.Cleanup(func() { _ = m.conn.CloseNow() })
	c.alive = append(c.alive, m)
	c.readers.Go(func() { c.read(m) })
}

// take removes the consumer that has been connected for longest.
func (c *churn) take() *churned {
	m := c.alive[0]
	c.alive = c.alive[1:]
	return m
}

// kill cuts a consumer off.
func (c *churn) kill(m *churned) {
	must(c.t, m.tcp.SetLinger(0))
	_ = m.conn.CloseNow()
}

// restart disconnects a consumer and connects it again through the other replica.
func (c *churn) restart() {
	c.t.Helper()
	m := c.take()
	if c.anew {
		_ = m.conn.Close(websocket.StatusNormalClosure, "")
		c.join(fmt.Sprintf("anew-%d", c.joined))
		return
	}
	c.kill(m)
	if m.number%2 == (c.joined+1)%2 { // the next replica is that which it was at
		c.joined++
	}
	c.join(m.client)
}

// leave ends all streams.
func (c *churn) leave() {
	for _, m := range c.alive {
		_ = m.conn.Close(websocket.StatusNormalClosure, "")
	}
	c.readers.Wait()
}

// read reads a stream to its end.
func (c *churn) read(m *churned) {
	for {
		r, err := receive[record](context.Background(), m.conn)
		if websocket.CloseStatus(err) > websocket.StatusGoingAway {
			c.mu.Lock()
			c.endings++
			c.mu.Unlock()
			c.t.Errorf("%s was closed: %v", m.client, err)
		}
		if err != nil {
			return
		}
		c.add(m.number, &r)
	}
}

func (c *churn) add(number int, r *record) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.add(r.Partition, r.Offset)
	if before, ok := c.last[r.Partition]; ok && before.number == number {
		if g := (gap{r.Partition, before.at, now}); g.length() >= longPause {
			c.gaps = append(c.gaps, g)
		}
	}
	c.last[r.Partition] = arrival{now, number}
}
