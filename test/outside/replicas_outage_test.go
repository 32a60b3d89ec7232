package outside

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestAnOutageOfKafkaEvictsNobody stops the broker for four leases.
func TestAnOutageOfKafkaEvictsNobody(t *testing.T) {
	t.Parallel()
	const clients = 10
	lease := scaled().lease
	broker := kafka.RequireOwn(t, kafka.Options{})
	k := connect(t, broker.Addr())
	r := newReplicas(t, k, 2, "WSPROXY_SESSION_LEASE="+lease.String())
	topic := k.topic(clients)
	query := func(i int) string {
		return fmt.Sprintf("/socket/out?clientId=c%d&groupId=%s&topic=%s", i, topic, topic)
	}
	var conns []*websocket.Conn
	for i := range clients {
		conn := dial(t, r.list[i%2].url(query(i)))
		readOn(t, conn)
		conns = append(conns, conn)
	}
	await(t, "all sessions to be known", func() bool { return len(r.list[0].sessions(t)) == clients })
	before := r.list[0].sessions(t)

	must(t, broker.Kill())
	down := time.Now()
	pace := time.NewTicker(lease / 3)
	defer pace.Stop()
	for time.Since(down) < 4*lease {
		_, status, err := tryHandshake(within(t, patience), r.list[0].url(query(clients)))
		if err != nil || status != http.StatusServiceUnavailable {
			t.Fatalf("without Kafka a new client gets status %d, %v", status, err)
		}
		<-pace.C
	}
	must(t, broker.Restart(within(t, patience)))
	for _, p := range r.list {
		p.awaitReadiness(t, http.StatusOK)
	}
	back := time.Now()
	for time.Since(back) < 2*lease {
		for i := range clients {
			if conn, status, err := tryHandshake(within(t, patience), r.list[(i+1)%2].url(query(i)+"&onConflict=reject")); err != nil || status != http.StatusConflict {
				if conn != nil {
					_ = conn.CloseNow()
				}
				t.Fatalf("%v after the outage client %d is met with status %d, %v", time.Since(back), i, status, err)
			}
		}
		<-pace.C
	}
	for i, p := range r.list {
		after := p.sessions(t)
		if len(after) != clients {
			t.Errorf("replica %d knows %d sessions of %d", i+1, len(after), clients)
		}
		for j := range after {
			if after[j] != before[j] {
				t.Errorf("a session was %v, and is %v", before[j], after[j])
			}
		}
	}
	for i, conn := range conns {
		if err := conn.Ping(within(t, patience)); err != nil {
			t.Errorf("the socket of client %d is gone: %v", i, err)
		}
	}
	t.Logf("%v without Kafka: %d of %d clients are still there", time.Since(down).Round(time.Second), len(conns), clients)
}
