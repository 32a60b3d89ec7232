package outside

import (
	"context"
	"fmt"
	"testing"

	"github.com/coder/websocket"
)

const (
	killedPartitions = 6
	kills            = 3
)

// killedConsumer is a client of /socket/out that reconnects.
type killedConsumer struct {
	t         testing.TB
	kafka     *cluster
	topic     string
	group     string
	delivered *tally
	skipped   int // records between what was delivered and where a connection started
}

// TestLongConsumerSurvivesKillsOfTheProxy kills the proxy while socket buffers hold much data that the
// client has not read: records that were written, but not read, must not count as delivered.
func TestLongConsumerSurvivesKillsOfTheProxy(t *testing.T) {
	t.Parallel()
	n := scaled().consumed
	k := realKafka(t)
	topic := k.topic(killedPartitions)
	k.fill(topic, killedPartitions, n, 200)
	c := &killedConsumer{
		t: t, kafka: k, topic: topic, group: topic + "-group", delivered: newTally(killedPartitions, n/killedPartitions+1),
	}
	for kill := 1; kill <= kills; kill++ {
		p := c.serve()
		before := sum(k.committed(c.group, topic))
		conn := c.connect(p, n)
		read := c.readUntil(conn, kill*n/(kills+1))
		await(t, "a commit", func() bool { return sum(k.committed(c.group, topic)) > before })
		series := fmt.Sprintf("wsproxy_records_delivered_total{topic=%q}", topic)
		await(t, "unread records in the socket", func() bool { return p.metric(t, series) > float64(read+100) })
		unread := p.metric(t, series) - float64(read)
		p.Kill()
		read += c.readRest(conn)
		committed := k.committed(c.group, topic)
		if beyond := c.delivered.beyond(committed); len(beyond) > 0 {
			t.Errorf("kill %d: committed is %v, delivered is up to %v", kill, committed, c.delivered.upTo)
		}
		t.Logf("kill %d: %d records read by this connection, at least %.0f written and unread at the kill, %d committed",
			kill, read, unread, sum(committed))
	}
	p := c.serve()
	conn := c.connect(p, n)
	c.readUntil(conn, n)
	readOn(t, conn)
	await(t, "everything to be committed", func() bool { return sum(k.committed(c.group, topic)) == int64(n) })
	must(t, conn.Close(websocket.StatusNormalClosure, ""))
	if c.delivered.distinct != n || c.skipped > 0 {
		t.Errorf("%d of %d records delivered, %d skipped", c.delivered.distinct, n, c.skipped)
	}
	t.Logf("records %d, kills %d, delivered %d, duplicates %d, missing %d, skipped %d",
		n, kills, c.delivered.total, c.delivered.duplicates(), n-c.delivered.distinct, c.skipped)
}

func (c *killedConsumer) serve() *proxy {
	return serve(c.t, c.kafka.addr, "WSPROXY_CONSUMER_SESSION_TIMEOUT=6s", "WSPROXY_CONSUMER_COMMIT_INTERVAL=100ms")
}

// connect opens a socket at a rate at which some commits happen between two kills.
func (c *killedConsumer) connect(p *proxy, n int) *websocket.Conn {
	return dial(c.t, p.url(fmt.Sprintf("/socket/out?clientId=c&groupId=%s&topic=%s&rate=%d", c.group, c.topic, n/4)))
}

// readUntil reads until so many different records were delivered, and returns how many it
// read.
func (c *killedConsumer) readUntil(conn *websocket.Conn, distinct int) int {
	c.t.Helper()
	ctx := within(c.t, 5*patience)
	read, seen := 0, map[int32]bool{}
	for c.delivered.distinct < distinct {
		must(c.t, c.read(ctx, conn, seen))
		read++
	}
	return read
}

// readRest reads what a killed proxy has left in the socket.
func (c *killedConsumer) readRest(conn *websocket.Conn) int {
	c.t.Helper()
	ctx := within(c.t, patience)
	for read := 0; ; read++ {
		if err := c.read(ctx, conn, nil); err != nil {
			must(c.t, ctx.Err())
			return read
		}
	}
}

// read reads a record. A connection starts in each partition at or before the first record
// that was not delivered; seen are the partitions where it has.
func (c *killedConsumer) read(ctx context.Context, conn *websocket.Conn, seen map[int32]bool) error {
	r, err := receive[struct {
		Partition int32
		Offset    int64
	}](ctx, conn)
	if err != nil {
		return err
	}
	if seen != nil && !seen[r.Partition] {
		seen[r.Partition] = true
		if first := c.delivered.upTo[r.Partition]; r.Offset > first {
			c.skipped += int(r.Offset - first)
			c.t.Errorf("a connection starts at %d in partition %d, delivered is up to %d", r.Offset, r.Partition, first)
		}
	}
	c.delivered.add(r.Partition, r.Offset)
	return nil
}
