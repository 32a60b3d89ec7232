package outside

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

// TestSorePointRolloutLosesNothing terminates the proxy while clients are busy: each gets the close code
// 1012, acknowledged messages are in the log, and exactly the delivered records are committed.
func TestSorePointRolloutLosesNothing(t *testing.T) {
	t.Parallel()
	const partitions, drainDelay, grace = 3, time.Second, 20 * time.Second
	k := realKafka(t)
	topic := k.topic(partitions)
	p := serve(t, k.addr, "WSPROXY_DRAIN_DELAY="+drainDelay.String(), "WSPROXY_SHUTDOWN_GRACE="+grace.String())
	consumer := dial(t, p.url("/socket/out?clientId=c&groupId="+topic+"&topic="+topic))
	producer := dial(t, p.url("/socket/in?clientId=p&topic="+topic))

	ctx := within(t, patience)
	consumed, produced := make(chan drained), make(chan drained)
	window := make(chan struct{}, unanswered)
	go func() { consumed <- readToClose(ctx, consumer, nil) }()
	go func() { produced <- readToClose(ctx, producer, window) }()
	go sendToClose(ctx, producer, window)
	await(t, "commits", func() bool { return len(k.committed(topic, topic)) == partitions })

	watch := stopwatch.Start(t)
	p.terminate()
	await(t, "the proxy to be unready", func() bool { return p.status("/readyz") == http.StatusServiceUnavailable })
	out, in := <-consumed, <-produced
	code := p.exit(patience)
	took := watch.Elapsed()

	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	if limit := drainDelay + grace/2; took > limit { // the proxy need not wait for the whole grace period if clients answer
		t.Errorf("it took %v to end, more than %v", took, limit)
	}
	for name, d := range map[string]drained{"consumer": out, "producer": in} {
		if d.closed != websocket.StatusServiceRestart {
			t.Errorf("the %s's connection ended with %d, %v", name, d.closed, d.err)
		}
	}
	if committed := k.committed(topic, topic); !maps.Equal(committed, out.next) {
		t.Errorf("committed is %v, delivered was up to %v", committed, out.next)
	}
	log, missing := k.log(topic), 0
	for id, a := range in.answers {
		records := log[a.Partition]
		if a.Error != nil || a.Offset >= int64(len(records)) || string(records[a.Offset].Value) != id {
			missing++
		}
	}
	if missing > 0 || len(in.answers) == 0 {
		t.Errorf("%d of %d answered messages are not in the log", missing, len(in.answers))
	}
	t.Logf("answered %d, missing %d, delivered %d, ended after %v", len(in.answers), missing, sum(out.next), took)
}

// drained is what a client got until its connection ended.
type drained struct {
	next    map[int32]int64   // by partition: after the last record, or result
	answers map[string]answer // by message
	closed  websocket.StatusCode
	err     error
}

// readToClose reads until the connection's end, and takes a token from window for each answer.
func readToClose(ctx context.Context, conn *websocket.Conn, window <-chan struct{}) drained {
	d := drained{next: map[int32]int64{}, answers: map[string]answer{}}
	for {
		a, err := receive[answer](ctx, conn)
		if err != nil {
			d.closed, d.err = websocket.CloseStatus(err), err
			return d
		}
		d.next[a.Partition] = a.Offset + 1
		if window != nil {
			d.answers[a.MessageID] = a
			<-window
		}
	}
}

// sendToClose sends messages until the connection's end, a window ahead of their answers.
func sendToClose(ctx context.Context, conn *websocket.Conn, window chan<- struct{}) {
	for i := 0; ; i++ {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return
		}
		text := fmt.Sprintf(`{"messageId":"%d","key":{"value":"%d"},"value":{"value":"%d"}}`, i, i%50, i)
		if conn.Write(ctx, websocket.MessageText, []byte(text)) != nil {
			return
		}
	}
}
