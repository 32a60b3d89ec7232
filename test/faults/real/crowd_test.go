//go:build unix

package real

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	// readAll is how many tails of a crowd read all records. Every other one reads a key of its own, and one in
	// severalIn reads severalKeys.
	readAll     = 20
	severalIn   = 10
	severalKeys = 10
	// openEvery is between two tails that are opened. Pages do not come all at once either.
	openEvery = time.Second / 500
	// keyedCursors is how often those with keys ask for a cursor, allCursors how often the others do.
	keyedCursors = 5 * time.Second
	allCursors   = time.Second
	// steadyFor is how long a crowd is left alone before and after what happens to it.
	steadyFor = 10 * time.Second
)

// crowd is many tails of one topic, through several replicas, while somebody writes to it. Each tail has a network
// address of its own, as browsers do.
type crowd struct {
	t        testing.TB
	broker   *kafka.Broker
	fleet    *fleet
	wires    wires
	recorder *history.Recorder
	kafka    *observer
	writer   *writer

	tails     []*workload.Tail
	reading   context.Context
	stopTails context.CancelFunc
	tailing   sync.WaitGroup
}

func newCrowd(t testing.TB, tails, replicas int, settings ...string) *crowd {
	t.Helper()
	c := &crowd{t: t, recorder: &history.Recorder{}, broker: kafka.RequireOwn(t, kafka.Options{})}
	c.kafka = newObserver(t, c.broker.Addr(), c.recorder)
	c.fleet = newFleet(t, c.broker.Addr(), replicas, settings...)
	c.writer = newWriter(t, c.broker.Addr(), c.recorder, tails)
	c.reading, c.stopTails = context.WithCancel(t.Context())
	t.Cleanup(func() {
		c.stopTails()
		c.tailing.Wait()
	})
	for n := range tails {
		c.tails = append(c.tails, c.tail(n))
	}
	return c
}

// tail is the tail of a number, which begins at the end of the topic.
func (c *crowd) tail(n int) *workload.Tail {
	t := &workload.Tail{
		Main: topic, Rand: random(uint64(1000 + n)), Cursors: allCursors, Calm: ended(),
		Wants:  history.Tail{From: "latest", Slow: "wait"},
		Ending: func(*rand.Rand) workload.Ending { return workload.CloseAtOnce },
	}
	switch {
	case n < readAll:
		t.Batch = n%2 == 1
	case n%severalIn == 0:
		for more := range severalKeys {
			t.Wants.Keys = append(t.Wants.Keys, crowdKey((n+more)%len(c.writer.keys)))
		}
	default:
		t.Wants.Keys = []string{crowdKey(n)}
	}
	if n >= readAll {
		t.Cursors = keyedCursors
	}
	t.Client = workload.Client{
		Recorder: c.recorder, ClientID: fmt.Sprintf("tail%d", n), Topic: topic,
		Dial: func() (workload.Wire, error) { return c.dial(n, t.Rand) },
	}
	return t
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// dial connects the tail of a number to a replica, and to the next one where that refuses.
func (c *crowd) dial(n int, random *rand.Rand) (wire workload.Wire, err error) {
	first := random.IntN(c.fleet.size())
	for i := range c.fleet.size() {
		address, missing := c.fleet.any((first + i) % c.fleet.size())
		if missing != nil {
			return nil, missing
		}
		if wire, err = c.wires.dial(address, addressOf(n)); err == nil {
			return wire, nil
		}
	}
	return nil, err
}

// addressOf is a loopback address of the tail's own.
func addressOf(n int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}
}

// start opens the tails one after another, and returns when all of them read.
func (c *crowd) start() {
	for i := range c.tails {
		t := c.tails[i]
		c.tailing.Go(func() { t.Run(c.reading) })
		workload.Pause(c.reading, openEvery)
	}
	c.awaitReading("their start")
}

// idle is how many tails do not read now.
func (c *crowd) idle() int {
	n := 0
	for _, t := range c.tails {
		if !t.Reads() {
			n++
		}
	}
	return n
}

func (c *crowd) awaitReading(after string) {
	if !workload.Within(healLimit, func() bool { return c.idle() == 0 }) {
		c.t.Errorf("%d of %d tails do not read %v after %s", c.idle(), len(c.tails), healLimit, after)
	}
}

// finish ends the writing, waits until the tails were given all, and ends them. It returns what they saw.
func (c *crowd) finish() (events []history.Event, report checker.Report) {
	c.writer.stop()
	judged := c.judged()
	workload.Within(healLimit, func() bool { return len(checker.Behind(c.recorder.Events(), judged)) == 0 })
	c.stopTails()
	c.tailing.Wait()
	events = c.recorder.Events()
	return events, checker.Check(events, judged)
}

// judged is what Kafka holds, when nobody writes anymore.
func (c *crowd) judged() checker.Kafka {
	log, err := c.kafka.log()
	must(c.t, err)
	names := make([]string, 0, len(c.tails))
	for _, t := range c.tails {
		names = append(names, t.ClientID)
	}
	slices.Sort(names)
	return checker.Kafka{Log: log, Name: topic, Tails: names}
}
