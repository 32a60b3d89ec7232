package outside

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

const (
	fighters   = 200
	slots      = 10 // the partitions of the topic, and so the consumers of a group
	fightFor   = time.Minute
	fightRetry = time.Second
)

// TestLongRefusedClientsDoNotGrowTheLog has clients fight for the slots of a group: those that are refused
// come back each second. The log of sessions must grow with the clients that are admitted, and a new
// replica that reads it must be ready soon.
func TestLongRefusedClientsDoNotGrowTheLog(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	r := newReplicas(t, k, 2)
	topic := k.topic(slots)
	before := k.end(r.topic)
	ctx, stop := context.WithTimeout(t.Context(), fightFor)
	defer stop()
	var fight fight
	var all sync.WaitGroup
	for i := range fighters {
		url := r.list[i%2].url(fmt.Sprintf("/socket/out?clientId=c%d&groupId=%s&topic=%s", i, topic, topic))
		all.Go(func() { fight.join(ctx, url) })
	}
	all.Wait()
	admitted, refused := fight.admitted.Load(), fight.refused.Load()
	written := k.end(r.topic) - before
	beats := int64(2*fightFor/time.Second) + 2 // of both replicas: one in a fifth of the lease at most
	if admitted < slots || refused < fighters {
		t.Errorf("%d admitted, %d refused, %d others", admitted, refused, fight.other.Load())
	}
	const perSession = 10 // pending, admitted, removed, and a takeover's
	if most := perSession*admitted + beats + refused/20; written > most {
		t.Errorf("%d records were written, at most %d expected", written, most)
	}
	watch := stopwatch.Start(t)
	r.start()
	t.Logf("%v: %d admitted, %d refused, %d others; %d records written; the next replica was ready after %v",
		fightFor, admitted, refused, fight.other.Load(), written, watch.Elapsed())
}

// fight counts the answers to clients.
type fight struct{ admitted, refused, other atomic.Int64 }

// join has one client come until ctx ends. It stays once it is admitted.
func (f *fight) join(ctx context.Context, url string) {
	for ctx.Err() == nil {
		conn, status, err := tryHandshake(ctx, url)
		switch {
		case ctx.Err() != nil:
		case err == nil && status == http.StatusSwitchingProtocols:
			f.admitted.Add(1)
			for err == nil {
				_, _, err = conn.Read(ctx)
			}
		case status == http.StatusTooManyRequests:
			f.refused.Add(1)
		default:
			f.other.Add(1)
		}
		if conn != nil {
			_ = conn.Close(websocket.StatusNormalClosure, "")
		}
		select {
		case <-time.After(fightRetry):
		case <-ctx.Done():
		}
	}
}

// end returns the end offset of a topic's first partition.
func (c *cluster) end(topic string) int64 {
	c.t.Helper()
	ends, err := c.admin.ListEndOffsets(within(c.t, patience), topic)
	must(c.t, err)
	end, ok := ends.Lookup(topic, 0)
	if !ok || end.Err != nil {
		c.t.Fatalf("the end of %s is unknown: %v", topic, end.Err)
	}
	return end.Offset
}
