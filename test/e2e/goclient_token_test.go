package e2e

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	goclient "github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// TestTheGoClientRenewsItsToken so that no connection ends with the first one. A reader and a writer go on behind its end.
func TestTheGoClientRenewsItsToken(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings()...)
		end := time.Now().Add(12 * time.Second)
		var tokens atomic.Int32
		c := p.goClient(t, func(o *goclient.Options) {
			o.Notify = func(err error, _ time.Duration) { t.Errorf("a connection has ended: %v", err) }
			o.Token = func(context.Context) (string, error) {
				if tokens.Add(1) <= 2 {
					return i.until("alice", end), nil
				}
				return i.token("alice", nil), nil
			}
		})
		ctx := testContext(t)
		w := c.Producer(goclient.ProducerOptions{Topic: topic})
		defer w.Close()
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for e, err := range c.Tail(ctx, goclient.TailOptions{Topics: []string{topic}, From: "earliest"}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Started == nil && e.Record == nil {
				continue
			}
			if time.Since(end) > 2*time.Second && e.Record != nil {
				break
			}
			<-ticker.C
			if _, err := w.Send(ctx, goclient.Message{Value: []byte("v")}); err != nil {
				t.Fatal(err)
			}
		}
		if n := tokens.Load(); n != 4 {
			t.Errorf("there were %d tokens", n)
		}
	})
}
