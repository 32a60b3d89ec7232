package outside

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unanswered is how many messages the client of the test sends ahead of their answers.
const unanswered = 1000

// killedProducer is a client of /socket/in that reconnects and sends again what was not
// answered.
type killedProducer struct {
	t        testing.TB
	topic    string
	pending  []int          // messages without an answer, in the order in which they are sent
	answered map[int]answer // by message
	resent   int
}

// TestLongProducerSurvivesKillOfTheProxy kills the proxy while a client writes messages: acknowledged
// messages are in the log.
func TestLongProducerSurvivesKillOfTheProxy(t *testing.T) {
	t.Parallel()
	n := scaled().produced
	k := realKafka(t)
	c := &killedProducer{t: t, topic: k.topic(killedPartitions), answered: map[int]answer{}}
	for i := range n {
		c.pending = append(c.pending, i)
	}
	for kill := 1; kill <= kills; kill++ {
		p := serve(t, k.addr)
		c.produce(p, kill*n/(kills+1))
		if len(c.pending) == 0 {
			t.Fatalf("kill %d: everything had been answered", kill)
		}
	}
	c.produce(serve(t, k.addr), n+1)
	c.compare(k.log(c.topic), n)
}

// produce sends what is pending and reads the answers, until all have come. When the proxy
// has answered killAt messages in all, it is killed.
func (c *killedProducer) produce(p *proxy, killAt int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*patience)
	defer cancel()
	conn := dial(c.t, p.url("/socket/in?clientId=p&topic="+c.topic))
	sent, window := make(chan int), make(chan struct{}, unanswered)
	go func() { sent <- c.send(ctx, conn, c.pending, window) }()
	got, killed := c.readAnswers(ctx, p, conn, killAt, window)
	if !killed {
		must(c.t, conn.Close(websocket.StatusNormalClosure, ""))
	}
	cancel()
	lost := <-sent - got
	c.resent += lost
	c.t.Logf("%d answers on this connection, %d messages sent and not answered", got, lost)
	c.pending = c.pending[got:]
}

// send sends messages until that fails, with a window of those that are not answered, and
// returns how many it has sent.
func (c *killedProducer) send(ctx context.Context, conn *websocket.Conn, messages []int, window chan<- struct{}) int {
	for i, message := range messages {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return i
		}
		text := fmt.Sprintf(`{"messageId":"%d","key":{"value":"k%d"},"value":{"value":"v%d"}}`, message, message%100, message)
		if conn.Write(ctx, websocket.MessageText, []byte(text)) != nil {
			return i
		}
	}
	return len(messages)
}

// readAnswers reads the answers to pending until all have come or the proxy was killed, and
// returns how many those are.
func (c *killedProducer) readAnswers(ctx context.Context, p *proxy, conn *websocket.Conn, killAt int, window <-chan struct{}) (got int, killed bool) {
	c.t.Helper()
	last := map[int32]int64{}
	for ; got < len(c.pending); got++ {
		a, err := receive[answer](ctx, conn)
		if err != nil {
			if !killed {
				c.t.Fatal(err)
			}
			return got, killed
		}
		<-window
		c.check(a, c.pending[got], last)
		if len(c.answered) >= killAt && !killed {
			p.Kill()
			killed = true
		}
	}
	return got, killed
}

// check checks that an answer is the one to the message whose turn it is, and that records of
// a connection keep their order in a partition.
func (c *killedProducer) check(a answer, message int, last map[int32]int64) {
	c.t.Helper()
	if a.Error != nil || a.MessageID != strconv.Itoa(message) {
		c.t.Fatalf("the answer to message %d is %+v", message, a)
	}
	if before, found := last[a.Partition]; found && a.Offset <= before {
		c.t.Errorf("partition %d: offset %d was answered after %d", a.Partition, a.Offset, before)
	}
	last[a.Partition] = a.Offset
	c.answered[message] = a
}

// compare looks for every answered message in the log, where its answer said.
func (c *killedProducer) compare(log map[int32][]*kgo.Record, n int) {
	c.t.Helper()
	values, total := map[string]string{}, 0
	for _, records := range log {
		total += len(records)
		for _, r := range records {
			values[place(r.Partition, r.Offset)] = string(r.Value)
		}
	}
	missing := 0
	for message, a := range c.answered {
		if values[place(a.Partition, a.Offset)] != "v"+strconv.Itoa(message) || a.Topic != c.topic {
			missing++
		}
	}
	if missing > 0 || len(c.answered) != n {
		c.t.Errorf("%d of %d messages were answered, %d of those are not in the log where the answer said", len(c.answered), n, missing)
	}
	c.t.Logf("messages %d, kills %d, answered %d, sent again %d, duplicates in the log %d, answered and missing %d",
		n, kills, len(c.answered), c.resent, total-n, missing)
}

func place(partition int32, offset int64) string { return fmt.Sprintf("%d-%d", partition, offset) }
