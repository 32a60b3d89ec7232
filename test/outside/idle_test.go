package outside

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// mostHeld is how many connections to brokers an idle consumer may hold whose topic has one
// leader: one each to ask for metadata, to fetch, and to its group's coordinator.
const mostHeld = 3

// idlers are consumers of one topic, each in a group of its own, of a proxy of their own.
type idlers struct {
	t          testing.TB
	kafka      *cluster
	proxy      *proxy
	topic      string
	partitions int32
	n          int
	ports      []int        // of the brokers
	refused    atomic.Int64 // handshakes that had to be tried again
}

// idleUse is the number of connections of a proxy with its consumers at a moment.
type idleUse struct {
	made, closed float64 // connections of consumers to brokers
	all          float64 // connections of all kinds that are open, as the proxy says
	established  int     // the same, as the kernel says
	cpu          time.Duration
}

// TestLongIdleConsumersMakeNoConnections leaves consumers of three brokers idle for longer than the idle
// timeout of connections and the maximum age of metadata.
func TestLongIdleConsumersMakeNoConnections(t *testing.T) {
	t.Parallel()
	size := scaled()
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{HeapMiB: 384})
	k := connect(t, brokers.Addr())
	kinds := []*idlers{newIdlers(t, k, 1), newIdlers(t, k, kafka.ClusterSize)}
	for _, c := range kinds {
		took := c.open()
		t.Logf("%d consumers, leaders: %d: open and served after %v; %s", c.n, c.partitions, took.Round(time.Millisecond), c.per(c.use()))
	}
	before := make([]idleUse, len(kinds))
	for i, c := range kinds {
		before[i] = c.use()
	}
	cpu := brokersCPU(t, brokers)
	pass(t, size.idleTime)
	for i, c := range kinds {
		after := c.use()
		c.report(before[i], after, size.idleTime)
		if made := after.made - before[i].made; made > 0 {
			t.Errorf("leaders: %d: %d idle consumers made %.0f connections in %v", c.partitions, c.n, made, size.idleTime)
		}
		if held := c.held(after); c.partitions == 1 && held > mostHeld {
			t.Errorf("an idle consumer holds %.2f connections", held)
		}
	}
	t.Logf("all brokers together: %.1f %% of a core", percent(brokersCPU(t, brokers)-cpu, size.idleTime))
}

func newIdlers(t testing.TB, k *cluster, partitions int32) *idlers {
	t.Helper()
	c := &idlers{t: t, kafka: k, partitions: partitions, n: scaled().idle}
	for addr := range strings.SplitSeq(k.addr, ",") {
		_, port, err := net.SplitHostPort(addr)
		must(t, err)
		number, err := strconv.Atoi(port)
		must(t, err)
		c.ports = append(c.ports, number)
	}
	c.topic = k.topic(partitions)
	for partition := range partitions {
		k.write(&kgo.Record{Topic: c.topic, Partition: partition})
	}
	c.proxy = serve(t, k.addr, "WSPROXY_SESSION_STATE_TOPIC="+c.topic+"-sessions")
	return c
}

// open connects the consumers and returns how long it took until each had been sent its records and
// had committed them.
func (c *idlers) open() time.Duration {
	c.t.Helper()
	began := time.Now()
	next := make(chan int)
	var opening sync.WaitGroup
	for range 8 {
		opening.Go(func() {
			for i := range next {
				c.consumer(i)
			}
		})
	}
	for i := range c.n {
		next <- i
	}
	close(next)
	opening.Wait()
	groups := make([]string, c.n)
	for i := range groups {
		groups[i] = c.group(i)
	}
	await(c.t, "all commits", func() bool { return c.committed(groups) })
	return time.Since(began)
}

func (c *idlers) group(i int) string { return fmt.Sprintf("%s-%d", c.topic, i) }

// consumer opens a consumer, reads the existing records, and lets it answer pings.
func (c *idlers) consumer(i int) {
	url := c.proxy.url(fmt.Sprintf("/socket/out?clientId=c%d&groupId=%s&topic=%s", i, c.group(i), c.topic))
	conn, err := c.admitted(url)
	if err != nil {
		c.t.Errorf("consumer %d: %v", i, err)
		return
	}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	for range c.partitions {
		if _, err := receive[record](within(c.t, patience), conn); err != nil {
			c.t.Errorf("consumer %d: %v", i, err)
			return
		}
	}
	conn.CloseRead(c.t.Context())
}

// admitted tries again while Kafka does not answer the proxy in time, as clients do: this may happen on a
// busy machine.
func (c *idlers) admitted(url string) (*websocket.Conn, error) {
	ctx := within(c.t, patience)
	for {
		conn, status, err := tryHandshake(ctx, url)
		if conn != nil || err != nil {
			return conn, err
		}
		if status != http.StatusServiceUnavailable {
			return nil, fmt.Errorf("refused with %d", status)
		}
		c.refused.Add(1)
		select {
		case <-time.After(time.Second): // as Retry-After says
		case <-ctx.Done():
			return nil, fmt.Errorf("refused with %d until %w", status, ctx.Err())
		}
	}
}

// committed tells whether all groups have committed all records.
func (c *idlers) committed(groups []string) bool {
	c.t.Helper()
	done := 0
	for _, answer := range c.kafka.admin.FetchManyOffsets(within(c.t, patience), groups...) {
		total := int64(0)
		answer.Fetched.Each(func(o kadm.OffsetResponse) { total += max(o.At, 0) })
		if answer.Err == nil && total == int64(c.partitions) {
			done++
		}
	}
	return done == len(groups)
}

// use reads the proxy's metrics and asks the kernel. Both must agree, which they do if no connection
// opens or closes between the two readings.
func (c *idlers) use() (use idleUse) {
	c.t.Helper()
	defer func() {
		if c.t.Failed() {
			c.t.Logf("leaders: %d: the last look showed %+v", c.partitions, use)
		}
	}()
	await(c.t, "metrics and kernel to agree on the connections to Kafka", func() bool {
		made, closed := c.proxy.byKind(c.t, "wsproxy_kafka_connects_total"), c.proxy.byKind(c.t, "wsproxy_kafka_disconnects_total")
		use = idleUse{made: made["consumer"], closed: closed["consumer"]}
		for kind := range made {
			use.all += made[kind] - closed[kind]
		}
		use.established = establishedTo(c.t, c.proxy.PID(), c.ports)
		return int(use.all) == use.established
	})
	use.cpu = cpuOf(c.t, c.proxy.PID())
	return use
}

// held returns how many connections to brokers each consumer has.
func (c *idlers) held(use idleUse) float64 { return (use.made - use.closed) / float64(c.n) }

func (c *idlers) per(use idleUse) string {
	return fmt.Sprintf("connections to brokers made per consumer %.2f, held %.2f, of all kinds %d; handshakes tried again: %d", use.made/float64(c.n), c.held(use), use.established, c.refused.Load())
}

func (c *idlers) report(before, after idleUse, over time.Duration) {
	c.t.Helper()
	each := float64(c.n) * over.Minutes()
	c.t.Logf("%d consumers, leaders: %d, idle for %v: per consumer and minute %.3f connections made, %.3f closed; held per consumer %.2f, then %.2f; "+
		"resident %s (%.0f KiB a consumer), %.1f %% of a core",
		c.n, c.partitions, over, (after.made-before.made)/each, (after.closed-before.closed)/each, c.held(before), c.held(after),
		mebibytes(c.proxy.memory(c.t).now), float64(c.proxy.memory(c.t).now)/1024/float64(c.n), percent(after.cpu-before.cpu, over))
}

func percent(cpu, over time.Duration) float64 { return 100 * cpu.Seconds() / over.Seconds() }

func brokersCPU(t testing.TB, brokers *kafka.Cluster) (total time.Duration) {
	t.Helper()
	for id := range int32(kafka.ClusterSize) {
		total += cpuOf(t, brokers.Node(1+id).PID())
	}
	return total
}

// pass waits for a time in which nothing must happen: the wait itself is the test.
func pass(t testing.TB, duration time.Duration) {
	t.Helper()
	select {
	case <-time.After(duration):
	case <-t.Context().Done():
		t.Fatal("the test was ended")
	}
}
