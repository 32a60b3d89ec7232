//go:build linux

package overload

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

const (
	topic      = "readings"
	partitions = 4
	// capacity is how many bytes a second Kafka takes of the proxy, and overload how many times more heavy clients offer.
	capacity = 1 << 20
	overload = 4
	heavies  = 12
	heavy    = 2 << 10 // bytes of a value
	// lightly is how often the light client writes a little.
	lightly = 100 * time.Millisecond
	// soon is how long the light client may wait: its turn among all connections comes ten times a second.
	soon = 5 * time.Second
	// enough is more memory than full windows of the heavy clients take, with two copies of each message, and scarce is about what
	// the proxy needs without them.
	enough = 400 << 20
	scarce = 64 << 20
	// held is what the proxy has where memory is not scarce: what waits for Kafka, and as much garbage. memorySlack is for what the
	// Go runtime does not count, and for garbage where it spends half of the time on it.
	held        = 160 << 20
	memorySlack = 64 << 20
)

// rig is Kafka behind a narrow link, a proxy, and its clients.
type rig struct {
	t     testing.TB
	kafka string // its address, past the link
	proxy *process.Process
	heavy []*client
	light *client

	longest time.Duration // that the light client waited, of which the machine kept this process from running for stalled
	stalled time.Duration
}

func newRig(t testing.TB, settings ...string) *rig {
	t.Helper()
	opened := make(map[int32]*links.Link)
	broker := kafka.RequireOwn(t, kafka.Options{Fronts: []kafka.Front{links.Front(t, opened)}})
	r := &rig{t: t, kafka: broker.Addr()}
	client := r.client()
	_, err := kadm.NewClient(client).CreateTopic(t.Context(), partitions, 1, nil, topic)
	must(t, err)
	r.proxy = process.Serve(t, append(process.ServeSettings(broker.Front(0)), settings...))
	address, _, _ := r.proxy.Addresses()
	for i := range heavies {
		c, err := dial(address, topic, fmt.Sprintf("heavy%d", i), heavy, time.Second*heavies*heavy/(overload*capacity))
		must(t, err)
		r.heavy = append(r.heavy, c)
	}
	r.light, err = dial(address, topic, "light", 100, lightly)
	must(t, err)
	for _, l := range opened {
		l.Set(links.Way{Rate: capacity}, links.Way{})
	}
	return r
}

// client is a plain client of Kafka, past the link.
func (r *rig) client(more ...kgo.Opt) *kgo.Client {
	r.t.Helper()
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(r.kafka))...)
	must(r.t, err)
	r.t.Cleanup(client.Close)
	return client
}

// TestLongOverload offers four times more than Kafka takes, with windows that Kafka does not take within the delivery timeout. Where
// memory is scarce the proxy is slower, and goes on.
func TestLongOverload(t *testing.T) {
	for name, memory := range map[string]struct{ limit, most int }{
		"the windows are deep": {enough, held + memorySlack}, "the memory is scarce": {scarce, scarce + memorySlack},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fmt.Sprintf("GOMEMLIMIT=%d", memory.limit))
			r.run(*length)
			r.judge(*length, memory.most)
		})
	}
}

// run has all clients send, and read their answers, for some time.
func (r *rig) run(length time.Duration) {
	ctx, cancel := context.WithTimeout(r.t.Context(), length)
	defer cancel()
	watch := stopwatch.Start(r.t)
	var sending, reading sync.WaitGroup
	for _, c := range r.clients() {
		reading.Go(c.read)
		sending.Go(func() {
			if err := c.send(ctx); err != nil {
				r.t.Error(err)
			}
		})
	}
	sending.Wait()
	r.longest, r.stalled = r.light.longest(), watch.Stalled()
	for _, c := range r.clients() {
		_ = c.ws.Net.Close()
	}
	reading.Wait()
}

func (r *rig) clients() []*client { return append(slices.Clone(r.heavy), r.light) }

// judge compares what clients had with what there was to have.
func (r *rig) judge(length time.Duration, memory int) {
	t, all := r.t, 0
	for _, c := range r.heavy {
		all += len(c.at)
	}
	least := slices.MinFunc(r.heavy, func(a, b *client) int { return cmp.Compare(len(a.at), len(b.at)) })
	most := slices.MaxFunc(r.heavy, func(a, b *client) int { return cmp.Compare(len(a.at), len(b.at)) })
	peak := memoryOf(t, r.proxy.PID())
	t.Logf("heavy clients had %d messages taken, %d to %d each, and %d refused; the light one sent %d, had %d taken and waited %v at most; "+
		"resident memory %d MiB at most", all, len(least.at), len(most.at), r.refused(), r.light.sent, len(r.light.at), r.longest.Round(time.Millisecond), peak>>20)
	if fair := all / heavies; 2*len(least.at) < fair {
		t.Errorf("%s had %d messages taken, where each had %d on average", least.name, len(least.at), fair)
	}
	if r.longest-r.stalled > soon || len(r.light.failed) > 0 {
		t.Errorf("the light client waited %v, %v of them as the machine was busy, and was refused %v", r.longest, r.stalled, r.light.failed)
	}
	if could := capacity / heavy * int(length/time.Second); all < could/2 || 20*r.refused() > all {
		t.Errorf("Kafka took %d messages in time, where it could take %d, and %d were refused", all, could, r.refused())
	}
	if peak > memory {
		t.Errorf("the proxy had %d MiB", peak>>20)
	}
	r.compare()
}

// refused is how many messages of heavy clients were answered by an error.
func (r *rig) refused() (n int) {
	for _, c := range r.heavy {
		for _, count := range c.failed {
			n += count
		}
	}
	return n
}

// compare looks for all that was said to be taken in Kafka.
func (r *rig) compare() {
	missing := make(map[place]string)
	for _, c := range r.clients() {
		for id, at := range c.places() {
			if other := missing[at]; other != "" {
				r.t.Errorf("%s and %s are said to be at the same place", other, id)
			}
			missing[at] = id
		}
	}
	all := len(missing)
	reader := r.client(kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for len(missing) > 0 && ctx.Err() == nil {
		for record := range reader.PollFetches(ctx).RecordsAll() {
			at := place{record.Partition, record.Offset}
			id, _, _ := strings.Cut(string(record.Value), "|")
			if want := missing[at]; want == id {
				delete(missing, at)
			}
		}
	}
	if len(missing) > 0 {
		r.t.Errorf("%d of %d messages that were answered are not in Kafka", len(missing), all)
	}
}
