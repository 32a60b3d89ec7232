package neighbours

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

const (
	healthy     = 10
	perHealthy  = 400
	window      = 20
	healthyBody = `"key":{"value":"k","format":"string"},"value":{"value":"a healthy one"},"partition":0`
)

// misfit is a message that the topic's settings do not allow.
type misfit struct {
	name     string
	settings []string // of the topic
	body     string
	code     string
}

func misfits() []misfit {
	const hour = int64(time.Hour / time.Millisecond)
	key := `"key":{"value":"k","format":"string"},"partition":0,`
	return []misfit{
		{
			"too large",
			[]string{"max.message.bytes", "20000"},
			key + `"value":{"value":"` + strings.Repeat("x", 30_000) + `"}`, "MESSAGE_TOO_LARGE",
		},
		{
			"too old",
			[]string{"message.timestamp.before.max.ms", fmt.Sprint(hour)},
			key + fmt.Sprintf(`"value":{"value":"x"},"timestamp":%d`, time.Now().UnixMilli()-10*hour), "INVALID_VALUE",
		},
		{
			"of the future",
			[]string{"message.timestamp.after.max.ms", fmt.Sprint(hour)},
			key + fmt.Sprintf(`"value":{"value":"x"},"timestamp":%d`, time.Now().UnixMilli()+10*hour), "INVALID_VALUE",
		},
		{"null key on a compacted topic", []string{"cleanup.policy", "compact"}, `"value":{"value":"x"},"partition":0`, "INVALID_VALUE"},
	}
}

// TestLongMisfitsHurtNobody has one connection send what Kafka would refuse, between what it takes,
// beside ten healthy ones on the same partition and the same Kafka client.
func TestLongMisfitsHurtNobody(t *testing.T) {
	broker := kafka.Require(t).Addr()
	proxy, a := startProxy(t, broker), admin(t, broker)
	for _, bad := range misfits() {
		t.Run(bad.name, func(t *testing.T) {
			topic := makeTopic(t, a, bad.settings...)
			must(t, connect(t, proxy, topic).exchange(batch("first", 1), 1)) // makes the client
			alone := neighbourhood(t, proxy, topic, nil)
			beside := neighbourhood(t, proxy, topic, &bad)
			t.Logf("answers of the healthy, 99th percentile: %v alone, %v beside %d misfits", alone.p99, beside.p99, beside.refused)
			if bound := 4*alone.p99 + 250*time.Millisecond; beside.p99 > bound {
				t.Errorf("beside misfits the 99th percentile is %v, alone %v", beside.p99, alone.p99)
			}
			ends, err := a.ListEndOffsets(within(t, patience), topic)
			must(t, err)
			if end, _ := ends.Lookup(topic, 0); end.Offset != int64(1+alone.taken+beside.taken) {
				t.Errorf("the partition ends at %d, %d messages were answered with success", end.Offset, 1+alone.taken+beside.taken)
			}
		})
	}
}

// outcome is what came of a neighbourhood.
type outcome struct {
	p99            time.Duration // of the healthy
	taken, refused int
}

func batch(name string, n int) []*message {
	messages := make([]*message, n)
	for i := range messages {
		messages[i] = &message{id: fmt.Sprintf("%s.%d", name, i), body: healthyBody}
	}
	return messages
}

// neighbourhood runs the healthy connections, and beside them one with misfits where there are
// to be some, until the healthy are done.
func neighbourhood(t *testing.T, proxy, topic string, bad *misfit) outcome {
	t.Helper()
	var group sync.WaitGroup
	results := make([][]*message, healthy)
	for i := range results {
		c := connect(t, proxy, topic)
		results[i] = batch(fmt.Sprintf("healthy-%d", i), perHealthy)
		group.Go(func() {
			if err := c.exchange(results[i], window); err != nil {
				t.Errorf("healthy connection %d: %v", i, err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	o := outcome{}
	if bad != nil {
		o = bad.sendUntil(t, connect(t, proxy, topic), done)
	}
	<-done
	var times []time.Duration
	for _, messages := range results {
		o.taken += judgeHealthy(t, messages)
		for _, m := range messages {
			times = append(times, m.took)
		}
	}
	slices.Sort(times)
	o.p99 = times[len(times)*99/100]
	return o
}

// judgeHealthy checks that every message succeeded, in order.
func judgeHealthy(t *testing.T, messages []*message) (taken int) {
	t.Helper()
	for _, m := range messages {
		if m.answer.Error != nil || m.took == 0 {
			t.Fatalf("%s of a healthy connection: %+v", m.id, m.answer)
		}
	}
	if err := ordered(messages); err != nil {
		t.Error(err)
	}
	return len(messages)
}

// sendUntil sends misfits, every third message being a healthy one, until done is closed.
func (bad *misfit) sendUntil(t *testing.T, c *connection, done <-chan struct{}) outcome {
	t.Helper()
	var o outcome
	for round := 0; ; round++ {
		messages := batch(fmt.Sprintf("misfit-%d", round), 30)
		for i, m := range messages {
			if i%3 > 0 {
				m.body = bad.body
			}
		}
		must(t, c.exchange(messages, window), ordered(messages))
		for i, m := range messages {
			want := ""
			if i%3 > 0 {
				want = bad.code
				o.refused++
			} else {
				o.taken++
			}
			if m.answer.code() != want || m.answer.retriable() {
				t.Fatalf("message %d of the misfits is answered by %+v, not %q", i, m.answer, want)
			}
		}
		select {
		case <-done:
			return o
		default:
		}
	}
}
