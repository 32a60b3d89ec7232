//go:build linux

package leaks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// clients is how many visit at a time: many wait for timeouts.
const (
	clients     = 192
	dearClients = 16
	neverReads  = 20
)

// visits is how many visits there are: all of them, and those of consumers.
type visits struct{ all, dear int }

func TestLongNothingIsLeftOfConnections(t *testing.T) {
	scales := map[string]visits{"": {all: 5_000, dear: 200}, "full": {all: 20_000, dear: 600}, "huge": {all: 100_000, dear: 3_000}}
	n, known := scales[os.Getenv("LEAKS_SCALE")]
	if !known {
		t.Fatalf("LEAKS_SCALE=%s is no scale", os.Getenv("LEAKS_SCALE"))
	}
	comeAndGo(t, n)
}

// comeAndGo visits the proxy in every way and looks at what it holds then.
func comeAndGo(t *testing.T, n visits) {
	t.Helper()
	broker := newBroker(t)
	p := serve(t, broker.ListenAddrs()[0])
	s := &storm{proxy: p, watch: stopwatch.Start(t), groups: make(chan string, dearClients)}
	for i := range dearClients {
		s.groups <- fmt.Sprintf("group-%d", i)
	}
	// A first round makes what is made once: series, buffers, connections to Kafka.
	every := len(kinds())
	s.run(t, kinds(), 3*every, clients)
	s.run(t, dearKinds(), 2*len(dearKinds()), dearClients)
	s.neverRead(t, neverReads)
	s.overcrowd(t)
	start := s.settle(t, holdings.idle)
	t.Logf("at the start: %v", start)

	began := time.Now()
	s.run(t, kinds(), n.all-n.dear, clients)
	s.run(t, dearKinds(), n.dear, dearClients)
	s.neverRead(t, neverReads)
	s.overcrowd(t)
	took := time.Since(began)
	end := s.settle(t, func(h holdings) error { return h.like(start) })
	m := p.metrics(t)
	t.Logf("after %d visits in %v, %d of them consumers, %d sockets opened in all, settled %v later: %v",
		n.all, took.Round(time.Second), n.dear, m.sum("wsproxy_connections_opened_total"),
		(time.Since(began) - took).Round(time.Second), end)
}

// newBroker starts a broker with the topics, one of them with a few records and one with many.
func newBroker(t *testing.T) *kfake.Cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topicIn, topicEmpty, topicFull), kfake.SeedTopics(1, topicBig))
	must(t, err)
	t.Cleanup(broker.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.ListenAddrs()...))
	must(t, err)
	defer client.Close()
	records := []*kgo.Record{{Topic: topicBig, Value: []byte("small")}}
	for range 20 {
		records = append(records, &kgo.Record{Topic: topicFull, Value: []byte("x")},
			&kgo.Record{Topic: topicBig, Value: []byte(strings.Repeat("x", 500_000))})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, client.ProduceSync(ctx, records...).FirstErr())
	return broker
}

// storm is all the visits.
type storm struct {
	proxy  *proxy
	watch  *stopwatch.Watch
	groups chan string
	number atomic.Int64
}

func (s *storm) visit() *visit {
	n := s.number.Add(1)
	return &visit{proxy: s.proxy, number: int(n), subject: fmt.Sprintf("subject-%d", n), groups: s.groups, rand: rand.New(rand.NewPCG(uint64(n), 0))}
}

// run makes n visits of the kinds in turn, several at a time.
func (s *storm) run(t *testing.T, kinds []kind, n, clients int) {
	t.Helper()
	var turn []kind
	for _, k := range kinds {
		for range k.share {
			turn = append(turn, k)
		}
	}
	rand.New(rand.NewPCG(uint64(n), 0)).Shuffle(len(turn), func(i, j int) { turn[i], turn[j] = turn[j], turn[i] })
	work := make(chan kind)
	var faults list
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for k := range work {
				if err := s.make(k); err != nil {
					faults.add(fmt.Errorf("%s: %w", k.name, err))
				}
			}
		})
	}
	for i := range n {
		work <- turn[i%len(turn)]
	}
	close(work)
	group.Wait()
	must(t, faults.err())
}

// make makes a visit. Where visitors were kept from running for so long that the proxy was right to
// give one up, it makes another.
func (s *storm) make(k kind) error {
	for began := time.Now(); ; {
		before := s.watch.Stalled()
		err := k.run(s.visit())
		if err == nil || s.watch.Stalled()-before < pongTimeout/4 || time.Since(began) > wait {
			return err
		}
	}
}

// list collects errors.
type list struct {
	mu   sync.Mutex
	errs []error
}

func (l *list) add(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// err returns the first errors.
func (l *list) err() error {
	const most = 10
	if len(l.errs) > most {
		return errors.Join(append(l.errs[:most], fmt.Errorf("and %d more", len(l.errs)-most))...)
	}
	return errors.Join(l.errs...)
}

// neverRead has clients ask for more than their sockets hold and read no more than one record.
// The proxy must give them up.
func (s *storm) neverRead(t *testing.T, n int) {
	t.Helper()
	const counter = "wsproxy_slow_client_closes_total"
	before := s.proxy.metrics(t).sum(counter)
	var open []*wsclient.Conn
	for i := range n {
		v := s.visit()
		tcp, err := v.dial()
		must(t, err)
		must(t, tcp.SetReadBuffer(4<<10))
		ws, err := wsclient.Open(tcp, target("/socket/out", "clientId", "c", "topic", topicBig,
			"groupId", fmt.Sprintf("slow-%d", i), "autoCommit", "false"), v.authorization())
		must(t, err)
		must(t, texts(ws, 1))
		open = append(open, ws)
	}
	await(t, "the clients that never read to be given up", func() error {
		m := s.proxy.metrics(t)
		return unless(m.sum(counter)-before == n, "%d were given up, %d are connected", m.sum(counter)-before, m.sum("wsproxy_connections"))
	})
	for _, ws := range open {
		_ = ws.Net.Close()
	}
}

// overcrowd opens as many sockets as there may be. Others must then be refused, and none
// when they have gone.
func (s *storm) overcrowd(t *testing.T) {
	t.Helper()
	s.settle(t, func(h holdings) error { return unless(h.connections == 0, "there are %v", h) })
	var open []*wsclient.Conn
	for range maxConnections {
		v := s.visit()
		ws, err := v.open(v.place())
		must(t, err)
		open = append(open, ws)
		go func() { _ = texts(ws, 1) }() // answers pings
	}
	for range 100 {
		v := s.visit()
		must(t, v.refused(503, v.place()))
	}
	for i, ws := range open {
		if i%2 == 0 {
			_ = reset(ws)
		} else {
			_ = ws.Net.Close()
		}
	}
	await(t, "a place", func() error {
		v := s.visit()
		ws, err := v.open(v.place())
		if err == nil {
			_ = ws.Net.Close()
		}
		return err
	})
}

// settle waits until what the proxy holds satisfies a condition, and returns it.
func (s *storm) settle(t *testing.T, problem func(holdings) error) holdings {
	t.Helper()
	var h holdings
	await(t, "the proxy to settle", func() error {
		h = s.proxy.holds(t)
		return problem(h)
	})
	return h
}
