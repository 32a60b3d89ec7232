package outside

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// transactionKills is how often the proxy is killed: many of the kills fall between two transactions.
	transactionKills = 12
	// batchesAhead is how many arrays the client of the tests sends ahead of their answers.
	batchesAhead = 50
	// endOfLog is the value of the record that ends each partition for readers.
	endOfLog = "end"
)

// transacting is a client of /socket/in that writes arrays in transactions, and sends again
// under a new number of the attempt what was not answered.
type transacting struct {
	t        testing.TB
	topic    string
	pending  []int          // arrays without an answer
	attempt  int            // the number of the connection
	answered map[string]int // by array and attempt, how many messages it has
	resent   int
}

// size is how many messages an array has.
func size(batch int) int { return 1 + batch%40 }

func transactionURL(topic string) string {
	return "/socket/in?clientId=p&instanceId=i&transactional=true&topic=" + topic
}

// TestLongTransactionsSurviveKillsOfTheProxy kills the proxy in the middle of transactions. Readers
// of committed records must see each array whole or not at all, in the order of its messages,
// and all that were answered.
func TestLongTransactionsSurviveKillsOfTheProxy(t *testing.T) {
	t.Parallel()
	n := scaled().produced / 20 // arrays, of 20 messages on average
	k := realKafka(t)
	c := &transacting{t: t, topic: k.topic(killedPartitions), answered: map[string]int{}}
	for i := range n {
		c.pending = append(c.pending, i)
	}
	for kill := 1; kill <= transactionKills; kill++ {
		p := serve(t, k.addr, "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true")
		c.produce(p, kill*n/(transactionKills+1))
		if len(c.pending) == 0 {
			t.Fatalf("kill %d: everything had been answered", kill)
		}
	}
	c.produce(serve(t, k.addr, "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true"), n+1)
	for partition := range killedPartitions {
		k.write(&kgo.Record{Topic: c.topic, Partition: int32(partition), Value: []byte(endOfLog)})
	}
	committed, all := k.upToEnd(c.topic, kgo.ReadCommitted()), k.upToEnd(c.topic, kgo.ReadUncommitted())
	c.compare(committed, n)
	aborted := count(all) - count(committed)
	t.Logf("arrays %d, kills %d, sent again %d, records that were committed %d, that were not %d", n, transactionKills, c.resent, count(committed), aborted)
	if aborted == 0 {
		t.Error("no kill came in the middle of a transaction")
	}
}

// produce sends what is pending and reads the answers. When so many arrays have been answered
// in all, the proxy is killed.
func (c *transacting) produce(p *proxy, killAt int) {
	c.t.Helper()
	c.attempt++
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*patience)
	defer cancel()
	conn := dial(c.t, p.url(transactionURL(c.topic)))
	sent, window := make(chan int), make(chan struct{}, batchesAhead)
	go func() { sent <- c.send(ctx, conn, c.pending, window) }()
	got := 0
	for killed := false; got < len(c.pending); {
		done, err := c.readAnswer(ctx, conn, c.pending[got])
		if err != nil {
			if !killed {
				c.t.Fatal(err)
			}
			break
		}
		<-window
		if !done {
			c.t.Fatalf("array %d was aborted while Kafka was there", c.pending[got])
		}
		got++
		if len(c.answered) >= killAt && !killed {
			p.Kill()
			killed = true
		}
	}
	cancel()
	c.resent += <-sent - got
	c.pending = c.pending[got:]
}

func (c *transacting) send(ctx context.Context, conn *websocket.Conn, batches []int, window chan<- struct{}) int {
	for i, batch := range batches {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return i
		}
		if conn.Write(ctx, websocket.MessageText, []byte(c.array(batch))) != nil {
			return i
		}
	}
	return len(batches)
}

func (c *transacting) array(batch int) string {
	var messages []string
	for i := range size(batch) {
		messages = append(messages, fmt.Sprintf(`{"key":{"value":"k%d"},"value":{"value":"%s %d"}}`, (batch+i)%100, c.name(batch), i))
	}
	return "[" + strings.Join(messages, ",") + "]"
}

// name distinguishes the attempts to write an array.
func (c *transacting) name(batch int) string { return fmt.Sprintf("%d.%d", batch, c.attempt) }

// readAnswer reads the answer to an array, and tells whether that was written.
func (c *transacting) readAnswer(ctx context.Context, conn *websocket.Conn, batch int) (written bool, err error) {
	answers, err := receive[[]answer](ctx, conn)
	if err != nil {
		return false, err
	}
	if len(answers) != size(batch) {
		c.t.Errorf("array %d has %d messages, and %d answers", batch, size(batch), len(answers))
	}
	for _, a := range answers {
		if a.Error != nil {
			text, _ := json.Marshal(a.Error)
			c.t.Logf("array %d: %s", batch, text)
			return false, nil
		}
	}
	c.answered[c.name(batch)] = len(answers)
	return true, nil
}

// compare reports arrays that are missing or incomplete.
func (c *transacting) compare(log map[int32][]string, n int) {
	c.t.Helper()
	seen := map[string]int{}
	for _, partition := range slices.Sorted(maps.Keys(log)) {
		last := map[string]int{}
		for _, value := range log[partition] {
			name, text, _ := strings.Cut(value, " ")
			i, err := strconv.Atoi(text)
			must(c.t, err)
			if before, found := last[name]; found && before >= i {
				c.t.Errorf("partition %d: message %d of array %s comes after message %d", partition, i, name, before)
			}
			last[name] = i
			seen[name]++
		}
	}
	for name, got := range seen {
		batch, _, _ := strings.Cut(name, ".")
		if number, err := strconv.Atoi(batch); err != nil || got != size(number) {
			c.t.Errorf("array %s is seen with %d messages", name, got)
		}
	}
	for name, want := range c.answered {
		if seen[name] != want {
			c.t.Errorf("array %s was answered, and is seen with %d messages of %d", name, seen[name], want)
		}
	}
	if len(c.answered) != n {
		c.t.Errorf("%d of %d arrays were answered", len(c.answered), n)
	}
}

// upToEnd reads the values of all partitions, up to the record that ends each.
func (c *cluster) upToEnd(topic string, isolation kgo.IsolationLevel) map[int32][]string {
	c.t.Helper()
	reader, err := kgo.NewClient(seeds(c.addr), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	must(c.t, err)
	defer reader.Close()
	ctx := within(c.t, 5*patience)
	values := map[int32][]string{}
	for ended := 0; ended < killedPartitions; {
		fetches := reader.PollFetches(ctx)
		must(c.t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if string(r.Value) == endOfLog {
				ended++
				return
			}
			values[r.Partition] = append(values[r.Partition], string(r.Value))
		})
	}
	return values
}

func count(log map[int32][]string) int {
	n := 0
	for _, values := range log {
		n += len(values)
	}
	return n
}

// load is messages of 200 bytes for /socket/in.
type load struct {
	messages, perFrame int
	inFlight           int // frames without an answer
}

// TestLongTransactionsCost measures messages per second with and without transactions: each sent
// when the one before is answered, ahead of the answers, and in arrays ahead of the answers.
func TestLongTransactionsCost(t *testing.T) {
	const n = 20_000
	k := realKafka(t)
	p := serve(t, k.addr, "WSPROXY_PRODUCER_EXACTLY_ONCE_ENABLED=true")
	for _, way := range []struct {
		name string
		load load
	}{
		{"one by one", load{n / 200, 1, 1}},
		{"ahead of the answers", load{n, 1, 4096}},
		{"arrays of 100, ahead of the answers", load{n, 100, 40}},
	} {
		var plain, transactional []float64
		for range scaled().costRounds + 1 {
			plain = append(plain, way.load.rate(t, p.url("/socket/in?clientId=p&topic="+k.topic(killedPartitions))))
			transactional = append(transactional, way.load.rate(t, p.url(transactionURL(k.topic(killedPartitions)))))
		}
		a, b := median(plain[1:]), median(transactional[1:])
		t.Logf("%s: %.0f messages/s plain, %.0f in transactions: %.2f times as many", way.name, a, b, b/a)
	}
}

// rate writes the messages and returns how many of them were answered in a second, from the
// first answer on.
func (l load) rate(t *testing.T, url string) float64 {
	t.Helper()
	conn := dial(t, url)
	defer func() { must(t, conn.Close(websocket.StatusNormalClosure, "")) }()
	frames := l.frames()
	exchange(t, conn, frames[:1], 1)
	began := time.Now()
	exchange(t, conn, frames[1:], l.inFlight)
	return float64((len(frames)-1)*l.perFrame) / time.Since(began).Seconds()
}

// frames returns the messages, and as many more as one frame has.
func (l load) frames() [][]byte {
	const values, length = 100, 200
	text := randomText(values * length)
	frames := make([][]byte, 0, l.messages/l.perFrame+1)
	for first := 0; first <= l.messages; first += l.perFrame {
		var list []string
		for n := first; n < first+l.perFrame; n++ {
			list = append(list, fmt.Sprintf(`{"key":{"value":"%010d"},"value":{"value":%q}}`, n, text[length*(n%values):][:length]))
		}
		frame := list[0]
		if l.perFrame > 1 {
			frame = "[" + strings.Join(list, ",") + "]"
		}
		frames = append(frames, []byte(frame))
	}
	return frames
}

// exchange sends frames and reads their answers, none of which may be an error.
func exchange(t *testing.T, conn *websocket.Conn, frames [][]byte, inFlight int) {
	t.Helper()
	window := make(chan struct{}, inFlight)
	ctx := within(t, 5*patience)
	go func() {
		for _, frame := range frames {
			select {
			case window <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if conn.Write(ctx, websocket.MessageText, frame) != nil {
				return
			}
		}
	}()
	for range frames {
		_, answer, err := conn.Read(ctx)
		must(t, err)
		if strings.Contains(string(answer), `"error"`) {
			t.Fatalf("got %s", answer)
		}
		<-window
	}
}

func median(of []float64) float64 { return slices.Sorted(slices.Values(of))[len(of)/2] }
