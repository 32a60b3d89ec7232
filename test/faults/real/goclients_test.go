//go:build unix

package real

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/real/goclients"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// goTopic is written and read by programs of the Go client alone.
const goTopic = "programs"

// goRun is a run with programs of the Go client, on a broker and two proxies.
type goRun struct {
	*rig

	programs *goclients.Programs
	door     *links.Link // to any replica
}

// TestLongProgramsOfTheGoClientUnderFaults lets each fault happen once, and checks what the programs were told.
func TestLongProgramsOfTheGoClientUnderFaults(t *testing.T) {
	began, before := time.Now(), load()
	g := newGoRun(t)
	ledger := g.programs.Ledger
	var writing, reading sync.WaitGroup
	readers, stop := context.WithCancel(t.Context())
	defer reading.Wait()
	defer stop()
	for i := range 2 {
		writing.Go(func() { g.programs.Produce(g.ctx, fmt.Sprintf("producer%d", i), random(uint64(700+i))) })
		reading.Go(func() { g.programs.Consume(readers, fmt.Sprintf("member%d", i), random(uint64(710+i))) })
		reading.Go(func() { g.programs.Work(readers, fmt.Sprintf("worker%d", i), random(uint64(720+i))) })
	}
	reading.Go(func() { g.programs.Tail(readers, "tail", random(730)) })
	for n, i := range planOf(began, len(g.faults), 0).turns(t, names(g.faults)) {
		g.strikeGo(n, g.faults[i])
	}
	g.stop()
	writing.Wait()
	for i := range replicas { // what no program waits for anymore is written, or is not
		must(t, g.fleet.shutdown(i))
		must(t, g.fleet.start(i))
	}
	log := g.goLog()
	workload.Within(healLimit, func() bool { return len(ledger.Check(log)) == 0 })
	stop()
	reading.Wait()
	for i, v := range ledger.Check(log) {
		if i < shown {
			t.Error(v)
		}
	}
	t.Logf("seed %d, %v, load average %s before, %s after: %s", *seed, time.Since(began).Round(time.Second), before, load(), ledger.Summary(log))
}

func newGoRun(t *testing.T) *goRun {
	t.Helper()
	g := &goRun{rig: &rig{t: t, broker: kafka.RequireOwn(t, kafka.Options{Properties: shareProperties()})}}
	plain, err := kgo.NewClient(seeds(g.broker.Addr()))
	must(t, err)
	t.Cleanup(plain.Close)
	g.kafka = &observer{broker: g.broker.Addr(), client: plain, admin: kadm.NewClient(plain)}
	limit := maxMessageBytes
	_, err = g.kafka.admin.CreateTopic(t.Context(), partitions, 1, map[string]*string{"max.message.bytes": &limit}, goTopic)
	must(t, err)
	g.fleet = newFleet(t, g.broker.Addr(), replicas, hasty()...)
	turn := 0
	g.door, err = links.OpenTo(func() (string, error) {
		turn++
		return g.fleet.any(turn % replicas)
	})
	must(t, err)
	t.Cleanup(func() { must(t, g.door.Close()) })
	g.programs = &goclients.Programs{Ledger: goclients.NewLedger(), Connect: g.connect, Topic: goTopic, Lock: lockTime}
	g.faults = slices.Concat(faults()[:5], []fault{ // those of brokers and proxies
		{name: "clients reset (RST)", strike: g.cut},
		{name: "clients reset while the broker is frozen", strike: g.cutFrozen},
	})
	g.begin()
	return g
}

func (g *goRun) connect(name string) *client.Client {
	c, err := client.New(client.Options{URL: "ws://" + g.door.Addr(), ClientID: name})
	must(g.t, err)
	return c
}

func (g *goRun) cut(*rig) (string, error) {
	g.door.Cut()
	return "all", nil
}

// cutFrozen ends connections on which messages are unanswered, and are written later.
func (g *goRun) cutFrozen(*rig) (string, error) {
	err := g.broker.Pause()
	for range 2 {
		workload.Pause(g.t.Context(), time.Second)
		g.door.Cut()
	}
	return "twice", errors.Join(err, g.broker.Resume())
}

// strikeGo lets a fault happen, and waits until messages are acknowledged again.
func (g *goRun) strikeGo(n int, f fault) {
	g.random = random(uint64(1000 + n))
	workload.Pause(g.t.Context(), 3*time.Second)
	what, err := f.strike(g.rig)
	must(g.t, err)
	over, acked := time.Now(), g.programs.Ledger.Acked()
	if !workload.Within(healLimit, func() bool { return g.programs.Ledger.Acked() > acked }) {
		g.t.Errorf("no message is acknowledged for %v after: %s", healLimit, f.name)
	}
	g.t.Logf("%s, %s; then messages were acknowledged after %v", f.name, what, time.Since(over).Round(time.Millisecond))
}

func (g *goRun) goLog() (log []goclients.Record) {
	_, err := g.ends(goTopic)
	must(g.t, err)
	must(g.t, g.kafka.read(goTopic, func(r *kgo.Record) {
		log = append(log, goclients.Record{Place: goclients.Place{Partition: r.Partition, Offset: r.Offset}, Value: string(r.Value)})
	}))
	return log
}
