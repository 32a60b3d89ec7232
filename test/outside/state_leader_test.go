package outside

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// TestLongALeaderThatHangsIsNobodyElsesReadiness stops the broker that leads the topic of sessions for a
// minute (SIGSTOP), while all others answer. The replicas must stay ready, producers and open consumers
// go on, and new consumers are refused at once until another broker leads.
func TestLongALeaderThatHangsIsNobodyElsesReadiness(t *testing.T) {
	t.Parallel()
	const hangs = time.Minute
	brokers := kafka.RequireOwnCluster(t, kafka.ClusterOptions{})
	k := connect(t, brokers.Addr())
	r := newReplicas(t, k, 2)
	leader := k.leader(r.topic)
	topic, group := k.topicAwayFrom(leader), k.groupAwayFrom(leader)
	wide := k.topic(8) // for consumers that come and go, of which some may still be counted
	flow := startFlow(t, r.list[0], topic, group)
	await(t, "records to flow", func() bool { return flow.delivered.Load() > 10 })

	must(t, brokers.Node(leader).Pause())
	stopped := time.Now()
	seen := hung{t: t}
	pace := time.NewTicker(250 * time.Millisecond)
	defer pace.Stop()
	for i := 0; time.Since(stopped) < hangs; i++ {
		for j, p := range r.list {
			seen.look(p, fmt.Sprintf("clientId=new-%d-%d&groupId=%s&topic=%s", i, j, group, wide))
		}
		seen.handshake(r.list[i%2].url("/socket/in?clientId=p&topic=" + topic))
		<-pace.C
	}
	acknowledged, delivered := flow.acknowledged.Load(), flow.delivered.Load()
	must(t, brokers.Node(leader).Resume())
	resumed := stopwatch.Start(t)
	for _, p := range r.list {
		await(t, "sessions to be known again", func() bool { return p.checks(t)["sessions"] == "ok" })
		conn := dial(t, p.url(fmt.Sprintf("/socket/out?clientId=after&groupId=%s-after&topic=%s", group, topic)))
		must(t, conn.CloseNow())
	}
	await(t, "records to flow on", func() bool { return flow.acknowledged.Load() > acknowledged && flow.delivered.Load() > delivered })
	if took := resumed.Elapsed(); took > 10*time.Second {
		t.Errorf("all was well %v after the broker went on", took)
	}
	flow.end()
	seen.report()
	t.Logf("%d acknowledged and %d delivered while it hung, longest without an answer %v", acknowledged, delivered, time.Duration(flow.longest.Load()))
}

// hung is what was seen of replicas while a broker hung.
type hung struct {
	t        *testing.T
	behind   int             // times that a replica said so
	refused  []time.Duration // consumers with 503, while the replica said that it was behind
	admitted int             // consumers
	producer []time.Duration // handshakes of producers
}

// look checks that a replica is ready, and how it answers a new consumer.
func (h *hung) look(p *proxy, query string) {
	h.t.Helper()
	if status := p.status("/readyz"); status != http.StatusOK {
		h.t.Errorf("/readyz: %d, %v", status, p.checks(h.t))
	}
	behind := p.checks(h.t)["sessions"] == "behind"
	began := time.Now()
	conn, status, err := tryHandshake(within(h.t, patience), p.url("/socket/out?"+query))
	took := time.Since(began)
	switch {
	case err != nil || status != http.StatusSwitchingProtocols && status != http.StatusServiceUnavailable:
		h.t.Errorf("a new consumer is answered %d, %v", status, err)
	case status == http.StatusSwitchingProtocols:
		h.admitted++
		_ = conn.Close(websocket.StatusNormalClosure, "")
	case behind:
		h.refused = append(h.refused, took)
	}
	if behind {
		h.behind++
	}
}

func (h *hung) handshake(url string) {
	h.t.Helper()
	began := time.Now()
	conn, status, err := tryHandshake(within(h.t, patience), url)
	if err != nil || status != http.StatusSwitchingProtocols {
		h.t.Errorf("a new producer is answered %d, %v", status, err)
		return
	}
	h.producer = append(h.producer, time.Since(began))
	_ = conn.Close(websocket.StatusNormalClosure, "")
}

func (h *hung) report() {
	h.t.Helper()
	if h.behind == 0 || len(h.refused) == 0 {
		h.t.Fatalf("no replica said that it was behind, or refused a consumer: %+v", h)
	}
	slices.Sort(h.refused)
	slices.Sort(h.producer)
	if half := h.refused[len(h.refused)/2]; half > 100*time.Millisecond {
		h.t.Errorf("half of the refusals took %v or more", half)
	}
	h.t.Logf("behind %d times; %d consumers refused in %v (median), %v (most), %d admitted; %d handshakes of producers in %v, %v",
		h.behind, len(h.refused), h.refused[len(h.refused)/2], h.refused[len(h.refused)-1], h.admitted,
		len(h.producer), h.producer[len(h.producer)/2], h.producer[len(h.producer)-1])
}

// flow is a producer and a consumer that go on.
type flow struct {
	acknowledged, delivered atomic.Int64
	longest                 atomic.Int64 // time between two answers
	end                     func()
}

// startFlow sends a message in each 50 ms, and reads them.
func startFlow(t *testing.T, p *proxy, topic, group string) *flow {
	t.Helper()
	f := &flow{}
	in := dial(t, p.url("/socket/in?clientId=flow&topic="+topic))
	out := dial(t, p.url(fmt.Sprintf("/socket/out?clientId=flow&groupId=%s-flow&topic=%s", group, topic)))
	ctx, stop := t.Context(), make(chan struct{})
	done := make(chan struct{}, 3)
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			select {
			case <-time.After(50 * time.Millisecond):
				if in.Write(ctx, websocket.MessageText, []byte(`{"value":{"value":"v"}}`)) != nil {
					return
				}
			case <-stop:
				_ = in.CloseNow()
				_ = out.CloseNow()
				return
			}
		}
	}()
	count := func(conn *websocket.Conn, counter *atomic.Int64, last time.Time) {
		defer func() { done <- struct{}{} }()
		for {
			if _, _, err := conn.Read(ctx); err != nil {
				select {
				case <-stop:
				default:
					t.Errorf("an open socket ended: %v", err)
				}
				return
			}
			if gap := int64(time.Since(last)); gap > f.longest.Load() && counter.Load() > 0 {
				f.longest.Store(gap)
			}
			last = time.Now()
			counter.Add(1)
		}
	}
	go count(in, &f.acknowledged, time.Now())
	go count(out, &f.delivered, time.Now())
	f.end = func() {
		close(stop)
		for range cap(done) {
			<-done
		}
	}
	return f
}

// leader returns the broker that leads a topic's first partition.
func (c *cluster) leader(topic string) int32 {
	c.t.Helper()
	topics, err := c.admin.ListTopics(within(c.t, patience), topic)
	must(c.t, err)
	return topics[topic].Partitions[0].Leader
}

// topicAwayFrom makes topics of one partition until another broker leads one.
func (c *cluster) topicAwayFrom(broker int32) (topic string) {
	c.t.Helper()
	await(c.t, "a topic that another broker leads", func() bool {
		topic = c.topic(1)
		return c.leader(topic) != broker
	})
	return topic
}

// groupAwayFrom returns the name of a group that another broker coordinates, under this name and with the
// suffixes of this file.
func (c *cluster) groupAwayFrom(broker int32) (group string) {
	c.t.Helper()
	i := 0
	await(c.t, "a group that another broker coordinates", func() bool {
		i++
		group = fmt.Sprintf("away-%d", i)
		found := c.admin.FindGroupCoordinators(within(c.t, patience), group, group+"-flow", group+"-after")
		for _, coordinator := range found {
			if coordinator.Err != nil || coordinator.NodeID == broker {
				return false
			}
		}
		return true
	})
	return group
}
