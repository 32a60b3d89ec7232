package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// coordinatorBackoff is how long to wait for a group to have a coordinator again.
const coordinatorBackoff = 200 * time.Millisecond

var errAdminClosed = errors.New("the client for administrators is closed")

// Admin is what administrators see and change of a cluster. It has a client of its own: while
// brokers are silent, franz-go has requests wait behind each other for longer than their contexts
// last, and those of connecting clients are not to.
type Admin struct {
	client  *kgo.Client
	admin   *kadm.Client
	metrics *metrics.Metrics

	mu     sync.Mutex
	closed bool           // guarded by mu
	calls  sync.WaitGroup // those under way; guarded by mu while closed is not set
}

// Admin makes the client for administrators. It waits for no broker.
func (c *Cluster) Admin() (*Admin, error) {
	client, err := kgo.NewClient(c.options("wsproxy-admin", kgo.RequestRetries(3))...)
	if err != nil {
		return nil, fmt.Errorf("making the Kafka client for administrators: %w", err)
	}
	c.metrics.KafkaClients(metrics.AdminClient).Inc()
	return &Admin{client: client, admin: kadm.NewClient(client), metrics: c.metrics}, nil
}

// Close ends what is under way.
func (a *Admin) Close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.client.Close()
	a.calls.Wait()
	a.metrics.KafkaClients(metrics.AdminClient).Dec()
}

// call calls franz-go until a group's coordinator is there to answer, or until ctx ends.
func call[T any](ctx context.Context, a *Admin, request func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := within(ctx, a, request)
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) {
			return answer, err
		}
		if pause(ctx, coordinatorBackoff); ctx.Err() != nil {
			return answer, err
		}
	}
}

// within calls franz-go, and does not wait for longer than ctx lasts.
func within[T any](ctx context.Context, a *Admin, request func(context.Context) (T, error)) (answer T, err error) {
	type outcome struct {
		answer T
		err    error
	}
	done := make(chan outcome, 1)
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return answer, errAdminClosed
	}
	a.calls.Go(func() {
		answer, err := request(ctx)
		done <- outcome{answer, err}
	})
	a.mu.Unlock()
	select {
	case o := <-done:
		return o.answer, o.err
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}
