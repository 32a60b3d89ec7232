package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// collect reads records until the connection ends, and passes them on.
func (c *client) collect(into chan<- delivery, over <-chan struct{}) {
	for {
		frame, err := c.next()
		if err != nil {
			return
		}
		select {
		case into <- parse[delivery](c.t, frame):
		case <-over:
			return
		}
	}
}

func TestOutTwoConsumersShareAGroupAndMissNothing(t *testing.T) {
	const partitions, count = 4, 4000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, partitions), k.group()
		p := k.run(t)
		received, over := make(chan delivery), make(chan struct{})
		defer close(over)
		missing := make(map[string]bool)
		write := func(from int) {
			k.produce(t, topic, numbered(from, count/4, partitions, 0)...)
		}
		for i := range count {
			missing[place(int32(i%partitions), int64(i/partitions))] = true
		}
		take := func(until int) {
			deadline := time.After(patience)
			for len(missing) > until {
				select {
				case d := <-received:
					delete(missing, place(d.Partition, d.Offset))
				case <-deadline:
					t.Fatalf("%d of %d records never came", len(missing)-until, count)
				}
			}
		}
		write(0)
		first := p.out(t, topic, "groupId="+group)
		go first.collect(received, over)
		take(count - 500)
		second := p.out(t, topic, "groupId="+group) // takes partitions over in the middle of reading
		go second.collect(received, over)
		write(count / 4)
		take(count / 2)
		_ = first.conn.CloseNow() // and gets the others when the first is cut
		write(count / 2)
		write(count * 3 / 4)
		take(0)
	})
}

func TestOutCommitOfAPartitionThatMovedIsNotAssigned(t *testing.T) {
	const partitions = 2
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, partitions), k.group()
		p := k.run(t)
		k.produce(t, topic, numbered(0, partitions, partitions, 0)...)
		first := p.out(t, topic, "groupId="+group, "autoCommit=false")
		had := first.deliveries(partitions)
		second := p.out(t, topic, "groupId="+group, "autoCommit=false")
		moved := second.delivery().Partition // what was not committed comes again to the new owner
		for _, d := range had {
			first.send(commitOf(d))
		}
		frame := first.read()
		d := parse[delivery](t, frame)
		if d.Error == nil || d.Error.Code != "NOT_ASSIGNED" || !strings.HasPrefix(d.ID, fmt.Sprintf("%s-%d-", topic, moved)) {
			t.Errorf("got %s for a commit of partition %d", frame, moved)
		}
		eventually(t, "the partition that stayed is committed", func() bool { return k.committed(t, group, topic)[1-moved] == 1 })
		if at, ok := k.committed(t, group, topic)[moved]; ok {
			t.Errorf("partition %d is committed at %d by a client that lost it", moved, at)
		}
	})
}

func TestOutSlowClientIsNotThrownOutOfItsGroup(t *testing.T) {
	const count, size = 8000, 1000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, count, 1, size)...)
		p := k.start(t, "CONSUMER_SESSION_TIMEOUT=6s")
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		c.until(opText)
		member := k.member(t, group)
		began := time.Now()
		w := newWitness(t, k, p)
		for time.Since(began) < 8*time.Second { // longer than the session timeout
			w.rounds(t, 1)
		}
		if got := k.member(t, group); got != member {
			t.Errorf("the group's member was %s and is %s", member, got)
		}
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a client that does not read", got)
		}
		for i := 1; i < count; i++ {
			if d := parse[delivery](t, c.message()); d.Offset != int64(i) {
				t.Fatalf("delivered %d, want %d", d.Offset, i)
			}
		}
		c.send(opPing, "")
		for op := byte(0); op != opPong; { // answers what pings came after the last record
			var payload string
			if op, payload = c.read(); op == opPing {
				c.send(opPong, payload)
			}
		}
		k.drainPings(t, c, group, topic, count)
	})
}

// drainPings answers pings until a group has committed.
func (k *cluster) drainPings(t *testing.T, c *raw, group, topic string, want int64) {
	t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			op, payload, err := c.next()
			if err != nil {
				return
			}
			if op == opPing {
				_, _ = c.conn.Write(frame(final|opPong, payload))
			}
		}
	}()
	k.awaitCommit(t, group, topic, want)
	_ = c.conn.Close()
	<-over
}

// member returns the id of the only member of a group.
func (k *cluster) member(t *testing.T, group string) string {
	t.Helper()
	g := k.described(t, group)
	if len(g.Members) != 1 || g.State != "Stable" {
		t.Fatalf("group %s is %s with %d members", group, g.State, len(g.Members))
	}
	return g.Members[0].MemberID
}

// members returns how many members a group has.
func (k *cluster) members(t *testing.T, group string) int {
	t.Helper()
	return len(k.described(t, group).Members)
}

// described returns what Kafka says of a group.
func (k *cluster) described(t *testing.T, group string) kadm.DescribedGroup {
	t.Helper()
	var described kadm.DescribedGroup
	eventually(t, "the coordinator of "+group+" describes it", func() bool {
		groups, err := k.admin.DescribeGroups(t.Context(), group)
		described = groups[group]
		return err == nil && described.Err == nil
	})
	return described
}

func TestOutTopicDeletedUnderAnOpenSocketCloses4404(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		c := k.run(t).out(t, topic)
		c.delivery()
		k.delete(t, topic)
		deleted := stopwatch.Start(t)
		frames := c.ended(4404)
		if len(frames) != 1 || parse[delivery](t, frames[0]).Error == nil || parse[delivery](t, frames[0]).Error.Code != "TOPIC_NOT_FOUND" {
			t.Errorf("got %v", frames)
		}
		if took := deleted.Elapsed(); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	})
}

func TestOutGoesOnAfterKafkaWasAway(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		p := k.start(t)
		c := p.out(t, topic)
		c.deliveries(10)
		p.kafka.shut(false)
		k.produce(t, topic, numbered(10, 10, 1, 0)...)
		p.kafka.unlock()
		next := int64(0)
		for next < 20 {
			d := c.delivery()
			if d.Offset > max(next, 10) {
				t.Fatalf("delivered %d, want %d", d.Offset, next)
			}
			next = d.Offset + 1
		}
	})
}
