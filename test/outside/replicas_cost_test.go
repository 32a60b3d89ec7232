package outside

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestLongAdmissionCosts compares handshakes with sessions and without.
func TestLongAdmissionCosts(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	topic := k.topic(1)
	const handshakes = 200
	median := map[bool]time.Duration{}
	for _, sessions := range []bool{false, true} {
		r := newReplicas(t, k, 1, fmt.Sprintf("WSPROXY_KAFKA_PRODUCER_SESSIONS_ENABLED=%v", sessions))
		var took []time.Duration
		for i := range handshakes {
			began := time.Now()
			conn, status, err := tryHandshake(within(t, patience), r.list[0].url(fmt.Sprintf("/socket/in?clientId=c&instanceId=i%d&topic=%s", i, topic)))
			must(t, err)
			took = append(took, time.Since(began))
			if conn == nil {
				t.Fatalf("status %d", status)
			}
			_ = conn.CloseNow()
		}
		slices.Sort(took)
		median[sessions] = took[handshakes/2]
		t.Logf("sessions %-5v: handshake p50 %v, p99 %v", sessions, took[handshakes/2].Round(10*time.Microsecond), took[handshakes*99/100].Round(10*time.Microsecond))
	}
	if os.Getenv("OUTSIDE_SCALE") == "full" && median[true] > 15*time.Millisecond {
		t.Errorf("with sessions half of the handshakes take longer than %v", median[true])
	}
}

// TestLongReplayOfSessions starts a replica on a topic that holds a history of some length.
func TestLongReplayOfSessions(t *testing.T) {
	t.Parallel()
	n := scaled().state
	k := realKafka(t)
	first := newReplicas(t, k, 1) // makes the topic
	k.writeHistory(first.topic, n)
	first.list[0].Kill()
	began := time.Now()
	p := first.start()
	ready := time.Since(began)
	list := len(p.sessions(t))
	if want := n / 4 / 10; list != want {
		t.Errorf("%d sessions are known, %d were left open", list, want)
	}
	if p.status("/readyz") != http.StatusOK {
		t.Error("it is not ready")
	}
	t.Logf("%d records: ready %v after the start, resident %s, at most %s", n, ready.Round(time.Millisecond),
		mebibytes(p.memory(t).now), mebibytes(p.memory(t).peak))
	if os.Getenv("OUTSIDE_SCALE") == "full" && ready > 3*time.Second {
		t.Errorf("the replay took %v", ready)
	}
}

// writeHistory writes n records, four for each session: its claim, its admission, one of the replica, and
// its end, which every tenth session lacks.
func (c *cluster) writeHistory(topic string, n int) {
	c.t.Helper()
	client, err := kgo.NewClient(seeds(c.addr), kgo.DefaultProduceTopic(topic), kgo.ProducerLinger(5*time.Millisecond), kgo.MaxBufferedRecords(100_000))
	must(c.t, err)
	defer client.Close()
	write := func(key, value string) {
		r := &kgo.Record{Key: []byte(key)}
		if value != "" {
			r.Value = []byte(value)
		}
		client.Produce(c.t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				c.t.Errorf("writing history: %v", err)
			}
		})
	}
	now := time.Now().UnixMilli()
	for i := range n / 4 {
		key := fmt.Sprintf("claim/abcdefabcdef.%d", i)
		claim := func(state string, more string) string {
			return fmt.Sprintf(`{"state":%q,"kind":"consumer","client":"client-%d","group":"group-%d","topic":"topic","replica":"abcdefabcdef","server":"pod-1","since":%d,"partitions":1000000,"lease":15000%s}`,
				state, i, i/100, now, more)
		}
		write(key, claim("pending", ""))
		write(key, claim("admitted", fmt.Sprintf(`,"asked":%d`, time.Now().UnixMilli())))
		write("replica/abcdefabcdef", fmt.Sprintf(`{"server":"pod-1","count":%d}`, i))
		if i%10 == 0 {
			write("replica/abcdefabcdef", fmt.Sprintf(`{"server":"pod-1","count":%d}`, i))
			continue
		}
		write(key, "")
	}
	must(c.t, client.Flush(within(c.t, 10*patience)))
}
