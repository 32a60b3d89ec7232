package outside

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// scripted is the TypeScript client, driven by testdata/typescript.mjs, and what it has told.
type scripted struct {
	*process.Process

	t     testing.TB
	topic string
	read  int // bytes of what it printed

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
}

// located is where a record is.
type located struct {
	partition int32
	offset    int64
}

// clientScripted has the client write messages to a topic, and read them in all ways.
func clientScripted(t testing.TB, url, topic, library string) *scripted {
	t.Helper()
	client := filepath.Join(installed(t, "typescript"), "dist", "index.js")
	args := []string{"--experimental-websocket", "testdata/typescript.mjs", url, topic}
	settings := []string{"CLIENT=" + client}
	if library != "" {
		settings = append(settings, "NODE_PATH="+library)
	}
	p, err := process.Start("node", settings, args...)
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the client, %v, printed:\n%s\n%s", p.State(), p.Stdout.Tail(), p.Stderr.Tail())
		}
	})
	return &scripted{
		Process: p, t: t, topic: topic, acked: map[int]int{}, consumed: map[located]int{}, tailed: map[located]int{},
		accepted: map[located]int{}, unknown: map[located]int{}, closes: map[int]int{},
	}
}

// installed installs something for a language, and returns where it lies.
func installed(t testing.TB, what string) string {
	t.Helper()
	var reason process.Output
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	install := exec.CommandContext(ctx, "../clients/install", what)
	install.Stderr = &reason
	folder, err := install.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		lacking(t, what+": "+reason.String())
	}
	if err != nil {
		t.Fatalf("installing %s: %v\n%s", what, err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

// listen takes what the client has printed by now.
func (c *scripted) listen() {
	c.t.Helper()
	if c.Ended() {
		c.t.Fatal("the client has ended")
	}
	printed := c.Stdout.String()
	whole := strings.LastIndex(printed, "\n") + 1
	for line := range strings.Lines(printed[c.read:whole]) {
		c.take(line)
	}
	c.read = whole
}

func (c *scripted) take(line string) {
	c.t.Helper()
	var what struct {
		Acked, Refused                        *int
		Sends, Sent                           int
		Consumed, Tailed, Accepted, Unsettled *int32
		Offset                                int64
		UnknownOutcome                        bool
		Began, Placed                         bool
		Resumed                               *bool
		Type, State, Code                     string
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
		c.consumed[located{*what.Consumed, what.Offset}]++
	case what.Tailed != nil:
		c.tailed[located{*what.Tailed, what.Offset}]++
	case what.Accepted != nil:
		c.accepted[located{*what.Accepted, what.Offset}]++
	case what.Unsettled != nil:
		c.unknown[located{*what.Unsettled, what.Offset}]++
	case what.Map != nil:
		c.current = what.Map
	case what.CloseCode != 0:
		c.closes[what.CloseCode]++
	case what.Placed:
		c.placed = true
	case what.Type != "" || what.Began && what.Resumed != nil && !*what.Resumed:
		c.told = append(c.told, line)
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
	must(c.t, c.Signal(syscall.SIGUSR2))
	awaitWithin(c.t, 3*patience, "all acks", func() bool {
		c.listen()
		return c.sent > 0 && len(c.acked)+len(c.refused) == c.sent
	})
	if len(c.refused) > 0 {
		c.t.Errorf("refused: %s", c.refused)
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

// finish ends the client.
func (c *scripted) finish() {
	c.t.Helper()
	must(c.t, c.Signal(syscall.SIGTERM))
	await(c.t, "the client's end", c.Ended)
	if code := c.State().ExitCode(); code != 0 {
		c.t.Errorf("the client ended with code %d", code)
	}
}

// compacted makes a topic with the newest record of each key.
func (c *cluster) compacted(partitions int32) string {
	c.t.Helper()
	topic := c.topic(partitions)
	changes := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: new("compact")}}
	answers, err := c.admin.AlterTopicConfigs(within(c.t, patience), changes, topic)
	must(c.t, err)
	must(c.t, answers[0].Err)
	return topic
}

// TestTypeScriptClientLosesNothing cuts its connections, and restarts the proxy, while it writes and reads in all ways.
func TestTypeScriptClientLosesNothing(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.compacted(3)
	first := k.serve()
	link := relayTo(t, first.main)
	c := clientScripted(t, "ws://"+link.addr(), topic, "")
	c.goesOn()
	link.cut()
	c.goesOn()
	link.lead(k.serve().main)
	first.terminate()
	first.exit(patience)
	c.goesOn()
	link.cut()
	c.judge(k)
	c.finish()
	if c.closes[1012] == 0 || c.closes[1006] == 0 {
		t.Errorf("the connections ended by %v", c.closes)
	}
}

// TestLongTypeScriptClientLosesNothing kills proxies and restarts the broker, too, and runs the client on the WebSocket of the package ws.
func TestLongTypeScriptClientLosesNothing(t *testing.T) {
	const rounds = 12
	broker := kafka.RequireOwn(t, kafka.Options{})
	k := connect(t, broker.Addr())
	topic := k.compacted(3)
	p := k.serve()
	link := relayTo(t, p.main)
	c := clientScripted(t, "ws://"+link.addr(), topic, installed(t, "node"))
	for round := range rounds {
		c.goesOn()
		switch round % 4 {
		case 0:
			link.cut()
			continue
		case 1:
			must(t, broker.Restart(within(t, 2*patience)))
			continue
		}
		next := k.serve()
		link.lead(next.main)
		if round%4 == 2 {
			p.Kill()
		} else {
			p.terminate()
		}
		p = next
	}
	c.goesOn()
	c.judge(k)
	c.finish()
}
