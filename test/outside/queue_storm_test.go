package outside

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

const (
	stormPartitions = 6
	stormReplicas   = 2
	stormTicks      = 20 // in a second
)

// stormSize says how much happens in a storm.
type stormSize struct {
	records, perSecond         int
	processes, sockets         int // that work, and in each of them
	workers, replicas, brokers int // how many are killed
	drains                     int // replicas that are shut down in order
	pause                      time.Duration
}

// queueStorm is many workers of a queue at two replicas, all of which are killed now and then, the broker included.
type queueStorm struct {
	t      testing.TB
	size   stormSize
	random *rand.Rand
	broker *kafka.Broker
	kafka  *cluster
	topic  string // and the name of the group
	dead   string // the topic of dead letters
	crew   example
	ports  []string
	pods   []*proxy
	crews  []*process.Process // those that run
	ended  []*process.Process
}

// TestLongQueueStorm has workers, replicas and the broker killed while records are worked on: each record is accepted once, and
// none is lost.
func TestLongQueueStorm(t *testing.T) {
	s := newQueueStorm(t, scaled().storm)
	began := time.Now()
	var writing sync.WaitGroup
	writing.Go(func() { s.write(within(t, 20*patience)) })
	// A broker that is killed while it makes what it keeps of a group tries again after half a minute.
	await(t, "each partition to have its first record settled", func() bool { return s.hasBegun() })
	s.rage()
	writing.Wait()
	awaitWithin(t, 10*patience, "all to be settled", func() bool { return s.kafka.isSettled(s.topic, s.topic) })
	took := time.Since(began)
	for _, crew := range s.crews {
		must(t, crew.Signal(syscall.SIGTERM))
	}
	for _, crew := range s.crews {
		await(t, "the workers' end", crew.Ended)
		if code := crew.State().ExitCode(); code != 0 {
			t.Errorf("workers ended with code %d:\n%s", code, crew.Stderr.Tail())
		}
	}
	s.judge(took)
}

func newQueueStorm(t testing.TB, size stormSize) *queueStorm {
	t.Helper()
	s := &queueStorm{t: t, size: size, random: rand.New(rand.NewPCG(1, 2)), broker: kafka.RequireOwn(t, kafka.Options{Properties: stormBroker()})}
	s.kafka = connect(t, s.broker.Addr())
	s.topic = s.kafka.topic(stormPartitions)
	s.dead = s.kafka.deadLetters(s.topic)
	// Kafka allows at most 10 deliveries, and counts those to workers that were killed, too. Locks must outlast what a busy machine
	// makes of the work: else all records come again and again.
	s.kafka.setGroup(s.topic, "share.delivery.count.limit", "10", "share.record.lock.duration.ms", "12000")
	for i := range stormReplicas {
		s.ports = append(s.ports, freePort(t))
		s.pods = append(s.pods, s.pod(i))
	}
	s.crew = pythonExample(t)
	s.crew.command[1] = "testdata/storm.py"
	s.crew.command = append(s.crew.command, strconv.Itoa(size.sockets))
	for _, p := range s.pods {
		s.crew.command = append(s.crew.command, p.url("/socket/queue?confirm=true&topic="+s.topic+"&groupId="+s.topic))
	}
	for range size.processes {
		s.crews = append(s.crews, s.startCrew())
	}
	return s
}

// stormBroker has the broker miss a replica that was killed soon: its partitions are served by nobody until then.
func stormBroker() map[string]string {
	return map[string]string{
		"group.share.session.timeout.ms": "6000", "group.share.min.session.timeout.ms": "6000",
		"group.share.heartbeat.interval.ms": "1000", "group.share.min.heartbeat.interval.ms": "1000",
	}
}

// freePort is a port from below those that the system gives to outgoing connections: it stays free while its owner is down.
func freePort(t testing.TB) string {
	t.Helper()
	for {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		if listener, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			must(t, listener.Close())
			return port
		}
	}
}

func (s *queueStorm) pod(i int) *proxy {
	return serve(s.t, s.kafka.addr, "WSPROXY_PORT="+s.ports[i], fmt.Sprintf("WSPROXY_SERVER_ID=replica-%d", i))
}

func (s *queueStorm) startCrew() *process.Process {
	p, err := process.Start(s.crew.command[0], append(slices.Clone(s.crew.settings), "RENEW_EVERY=4"), s.crew.command[1:]...)
	must(s.t, err)
	s.t.Cleanup(p.Kill)
	return p
}

// write writes the records, evenly in time.
func (s *queueStorm) write(ctx context.Context) {
	tick := time.NewTicker(time.Second / stormTicks)
	defer tick.Stop()
	each := s.size.perSecond / stormTicks
	for i := range s.size.records {
		if i%each == 0 {
			<-tick.C
		}
		s.kafka.client.Produce(ctx, &kgo.Record{Topic: s.topic, Partition: int32(i % stormPartitions), Value: []byte(strconv.Itoa(i))},
			func(_ *kgo.Record, err error) {
				if err != nil {
					s.t.Errorf("writing: %v", err)
				}
			})
	}
	if err := s.kafka.client.Flush(ctx); err != nil {
		s.t.Errorf("writing: %v", err)
	}
}

// hasBegun tells whether the group is beyond the first record of each partition.
func (s *queueStorm) hasBegun() bool {
	starts := s.starts()
	for _, at := range starts {
		if at < 1 {
			return false
		}
	}
	return len(starts) == stormPartitions
}

// starts returns the offsets below which all is settled, as far as Kafka tells now.
func (s *queueStorm) starts() map[int32]int64 {
	starts := make(map[int32]int64)
	offsets, err := s.kafka.admin.DescribeShareGroupOffsets(within(s.t, patience), s.topic)
	if err == nil {
		for p, o := range offsets[s.topic].Offsets[s.topic] {
			starts[p] = o.StartOffset
		}
	}
	return starts
}

// rage kills what there is, in any order.
func (s *queueStorm) rage() {
	kills := slices.Concat(
		slices.Repeat([]func(){s.killCrew}, s.size.workers),
		slices.Repeat([]func(){s.killPod}, s.size.replicas),
		slices.Repeat([]func(){s.killBroker}, s.size.brokers),
		slices.Repeat([]func(){s.drainPod}, s.size.drains),
	)
	s.random.Shuffle(len(kills), func(i, j int) { kills[i], kills[j] = kills[j], kills[i] })
	for _, kill := range kills {
		s.rest()
		kill()
	}
}

// rest lets the workers work for a while.
func (s *queueStorm) rest() {
	select {
	case <-time.After(s.size.pause):
	case <-s.t.Context().Done():
	}
}

func (s *queueStorm) killCrew() {
	i := s.random.IntN(len(s.crews))
	s.crews[i].Kill()
	s.ended = append(s.ended, s.crews[i])
	s.crews[i] = s.startCrew()
}

func (s *queueStorm) killPod() {
	i := s.random.IntN(len(s.pods))
	s.pods[i].Kill()
	s.rest()
	s.pods[i] = s.pod(i)
}

// drainPod shuts a replica down in order.
func (s *queueStorm) drainPod() {
	i := s.random.IntN(len(s.pods))
	s.pods[i].terminate()
	if code := s.pods[i].exit(patience); code != 0 {
		s.t.Errorf("a replica ended with code %d after SIGTERM", code)
	}
	s.rest()
	s.pods[i] = s.pod(i)
}

// killBroker also looks whether Kafka still knows what it has confirmed: else the proxy is not to blame for what comes again.
func (s *queueStorm) killBroker() {
	before := s.starts()
	must(s.t, s.broker.Kill())
	must(s.t, s.broker.Restart(within(s.t, 2*patience)))
	var after map[int32]int64
	await(s.t, "Kafka to know the group again", func() bool {
		after = s.starts()
		return len(after) == stormPartitions
	})
	for p, at := range before {
		if after[p] < at {
			s.t.Errorf("all below %d of partition %d was settled; killed and started again, Kafka says %d", at, p, after[p])
		}
	}
}

// stormRecord is what workers said of a record.
type stormRecord struct {
	dealt   int // how often it came
	told    int // how often they were about to accept it
	settled int // how often they were told that it is accepted
}

// tell adds a line of a worker. Other things than records are counted by their first words.
func tell(records map[string]*stormRecord, others map[string]int, line string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return
	}
	at := 1
	if words[0] == "settled" || words[0] == "error" {
		at = 2
	}
	id := strings.Split(words[at], "-")
	if len(id) < 4 { // an error that is not about a record
		others[strings.Join(words[:at], " ")]++
		return
	}
	place := strings.Join(id[len(id)-3:len(id)-1], "-")
	r := records[place]
	if r == nil {
		r = &stormRecord{}
		records[place] = r
	}
	switch {
	case words[0] == "dealt":
		r.dealt++
	case words[0] == "accept":
		r.told++
	case words[0] == "settled" && words[1] == "accept":
		r.settled++
	default:
		others[strings.Join(words[:at], " ")]++
	}
}

// judge looks at what became of each record.
func (s *queueStorm) judge(took time.Duration) {
	s.t.Helper()
	records, others := make(map[string]*stormRecord), make(map[string]int)
	for _, crew := range append(s.ended, s.crews...) {
		for line := range strings.Lines(crew.Stdout.String()) {
			tell(records, others, line)
		}
	}
	dealt, uncertain := 0, 0
	for place, r := range records {
		dealt += r.dealt
		switch {
		case r.settled > 1:
			s.t.Errorf("%s was accepted %d times", place, r.settled)
		case r.settled == 0 && r.told == 0:
			s.t.Errorf("%s came %d times, was never accepted, and is gone", place, r.dealt)
		case r.settled == 0:
			uncertain++
		}
	}
	if len(records) != s.size.records {
		s.t.Errorf("%d records of %d came", len(records), s.size.records)
	}
	if dead := s.kafka.count(s.dead); dead > 0 {
		s.t.Errorf("%d records were given up", dead)
	}
	s.t.Logf("%d records, %d workers in %d processes, %d replicas; killed: %d processes, %d replicas, %d brokers; shut down: %d replicas",
		s.size.records, s.size.processes*s.size.sockets, s.size.processes, stormReplicas, s.size.workers, s.size.replicas, s.size.brokers, s.size.drains)
	s.t.Logf("%d deliveries, %d of them again; %d of the workers that accepted did not live to be told; besides: %v; took %v; load %s",
		dealt, dealt-len(records), uncertain, others, took.Round(time.Second), loadAverage())
}

// loadAverage is the machine's load average, as far as it is known.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// deadLetters makes a topic for the dead letters of a group, and returns its name.
func (c *cluster) deadLetters(group string) string {
	c.t.Helper()
	name := "dlq." + group
	_, err := c.admin.CreateTopic(within(c.t, patience), 1, -1, map[string]*string{"errors.deadletterqueue.group.enable": new("true")}, name)
	must(c.t, err)
	c.setGroup(group, "errors.deadletterqueue.topic.name", name, "errors.deadletterqueue.copy.record.enable", "true")
	return name
}

// count returns how many records were ever written to a topic.
func (c *cluster) count(topic string) (n int64) {
	c.t.Helper()
	ends, err := c.admin.ListEndOffsets(within(c.t, patience), topic)
	must(c.t, err)
	must(c.t, ends.Error())
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}
