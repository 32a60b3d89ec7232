package outside

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// scripted is the TypeScript client, driven by testdata/uses.mjs in Node or in a page, and what it has told.
type scripted struct {
	script

	t     testing.TB
	topic string

	sent     int         // messages, when it has ended to write
	acked    map[int]int // how often each message was sent, by number
	refused  []string
	consumed map[located]int
	tailed   map[located]int
	accepted map[located]int
	unknown  map[located]int // acknowledgements of which it is not known whether they were taken
	told     []string        // by the tail, beside records
	placed   bool
	current  map[string]string // what the map shows
	closes   map[int]int       // how often connections ended, by close code
	attempts int               // connections that were begun
	tokens   int               // that it asked for

	restarts int             // of the broker: each has the consumer's group begin anew at what is committed
	lost     int             // how often the consumer's connection was lost
	lostWhen map[located]int // what lost was when a record came to the consumer
	again    map[located]int // how often a record came to the consumer again on one connection
	doubled  int             // records that came to the consumer again
}

// connectionsOfAClient are as many as uses.mjs has open.
const connectionsOfAClient = 5

// script is where uses.mjs runs.
type script interface {
	// printed returns the whole lines that it has printed since the last call.
	printed() string
	// stop has it write no more.
	stop()
	// end closes the client, and returns when it is closed.
	end()
}

// located is where a record is.
type located struct {
	partition int32
	offset    int64
}

func newScripted(t testing.TB, topic string, where script) *scripted {
	t.Helper()
	return &scripted{
		script: where, t: t, topic: topic, acked: map[int]int{}, consumed: map[located]int{}, tailed: map[located]int{},
		accepted: map[located]int{}, unknown: map[located]int{}, closes: map[int]int{}, lostWhen: map[located]int{}, again: map[located]int{},
	}
}

// listen takes what the client has printed by now.
func (c *scripted) listen() {
	c.t.Helper()
	for line := range strings.Lines(c.printed()) {
		c.take(line)
	}
}

func (c *scripted) take(line string) {
	c.t.Helper()
	var what struct {
		Acked, Refused                        *int
		Sends, Sent                           int
		Consumed, Tailed, Accepted, Unsettled *int32
		Offset                                int64
		Began, Placed, Token                  bool
		Resumed                               *bool
		Type, Failed, Endpoint, State         string
		CloseCode                             int
		Map                                   map[string]string
	}
	must(c.t, json.Unmarshal([]byte(line), &what))
	switch {
	case what.Acked != nil:
		c.acked[*what.Acked] = what.Sends
	case what.Sent != 0:
		c.sent = what.Sent
	case what.Refused != nil:
		c.refused = append(c.refused, line)
	case what.Consumed != nil:
		c.consume(located{*what.Consumed, what.Offset})
	case what.Tailed != nil:
		c.tailed[located{*what.Tailed, what.Offset}]++
	case what.Accepted != nil:
		c.accepted[located{*what.Accepted, what.Offset}]++
	case what.Unsettled != nil:
		c.unknown[located{*what.Unsettled, what.Offset}]++
	case what.Map != nil:
		c.current = what.Map
	case what.Token:
		c.tokens++
	case what.State == "connecting":
		c.attempts++
	case what.State == "waiting":
		c.lose(what.Endpoint, what.CloseCode)
	case what.Placed:
		c.placed = true
	case what.Failed != "":
		c.t.Fatalf("the client has ended: %s", line)
	case what.Type != "" || what.Began && what.Resumed != nil && !*what.Resumed:
		c.told = append(c.told, line)
	}
}

// consume takes a record of the consumer. It comes again only if its connection was lost meanwhile, or the broker restarted, or, once, if the
// broker was so busy that the member of the group had to begin anew.
func (c *scripted) consume(at located) {
	c.t.Helper()
	if c.consumed[at] > 0 {
		c.doubled++
		if c.lostWhen[at] == c.lost {
			c.again[at]++
		}
		if c.again[at] > c.restarts+1 {
			c.t.Errorf("%v came %d times on one connection", at, c.again[at]+1)
		}
	}
	c.consumed[at]++
	c.lostWhen[at] = c.lost
}

// lose notes the end of a connection.
func (c *scripted) lose(endpoint string, closeCode int) {
	if closeCode != 0 {
		c.closes[closeCode]++
	}
	if endpoint == "out" {
		c.lost++
	}
}

// goesOn waits until more messages are acked, and some have come by all other ways.
func (c *scripted) goesOn() {
	c.t.Helper()
	acks, tailed := len(c.acked), len(c.tailed)
	awaitWithin(c.t, 3*patience, "more acks", func() bool {
		c.listen()
		return len(c.acked) > acks+20 && len(c.tailed) > tailed+20 && c.placed && len(c.accepted) > 0 && len(c.consumed) > 0
	})
}

// judge has the client write no more, and compares what it has told with what Kafka has, when all of that has come.
func (c *scripted) judge(k *cluster) {
	c.t.Helper()
	c.stop()
	awaitWithin(c.t, 3*patience, "all acks", func() bool {
		c.listen()
		return c.sent > 0 && len(c.acked)+len(c.refused) == c.sent
	})
	refused := slices.DeleteFunc(slices.Clone(c.refused), func(line string) bool {
		return c.restarts > 0 && strings.Contains(line, `"TIMEOUT"`) // a broker on a busy machine may be away for longer than that
	})
	if len(refused) > 0 {
		c.t.Errorf("refused: %s", refused)
	}
	log := k.log(c.topic)
	c.judgeWritten(log)
	places, newest := map[located]int{}, map[string]string{}
	for _, records := range log {
		for _, r := range records {
			places[located{r.Partition, r.Offset}]++
			newest[string(r.Key)] = string(r.Value)
			if r.Value == nil {
				delete(newest, string(r.Key))
			}
		}
	}
	awaitWithin(c.t, 3*patience, "all records, by each way", func() bool {
		c.listen()
		return len(c.consumed) == len(places) && len(c.tailed) == len(places) && maps.Equal(c.current, newest)
	})
	if !maps.Equal(c.tailed, places) {
		c.t.Error("the tail has brought records twice")
	}
	if len(c.told) > 0 {
		c.t.Errorf("the tail has told of gaps: %s", c.told)
	}
	c.judgeSettled(k, places)
	await(c.t, "what was processed to be committed", func() bool {
		return sum(k.committed(c.topic+"-group", c.topic)) == int64(len(places))
	})
	c.t.Logf("%d records came to the consumer again, %d of them on an open connection, after %d lost ones and %d restarts of the broker",
		c.doubled, len(c.again), c.lost, c.restarts)
}

// judgeWritten looks for each message: it is there, and not more often than its ack says.
func (c *scripted) judgeWritten(log map[int32][]*kgo.Record) {
	c.t.Helper()
	written, twice := map[int]int{}, 0
	for _, records := range log {
		for _, r := range records {
			number, err := strconv.Atoi(string(r.Headers[0].Value))
			must(c.t, err)
			written[number]++
		}
	}
	for number, sends := range c.acked {
		if n := written[number]; n < 1 || n > sends {
			c.t.Errorf("message %d is there %d times, and was sent %d times", number, n, sends)
		}
		if written[number] > 1 {
			twice++
		}
	}
	c.t.Logf("%d messages, %d of them written more than once, as told; connections ended by code: %v", len(written), twice, c.closes)
}

// judgeSettled has each record accepted once, but for acknowledgements that were lost.
func (c *scripted) judgeSettled(k *cluster, places map[located]int) {
	c.t.Helper()
	awaitWithin(c.t, 3*patience, "all to be settled", func() bool { return k.isSettled(c.topic+"-queue", c.topic) })
	await(c.t, "the client to know that", func() bool {
		c.listen()
		known := maps.Clone(c.accepted)
		maps.Copy(known, c.unknown)
		return len(known) == len(places)
	})
	for at, n := range c.accepted {
		if n > 1 {
			c.t.Errorf("%v was accepted %d times", at, n)
		}
	}
	c.t.Logf("%d acknowledgements of which it is not known whether they were taken", len(c.unknown))
}
