package share

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Worker takes records of a share group and settles them: it is the Kafka side of one connection. One goroutine may take
// while another one settles, and Close may be called at any time.
type Worker struct{}

// Take waits for what happens to the worker, and returns it in the order in which it has happened: a record that is delivered again
// comes after its earlier delivery has expired or was settled. Each call of Settle and Renew causes one settlement, in the
// order of the calls.
//
// The worker holds a record from its Take on: until then a verdict on it is SettleUnknown. What is returned is the
// caller's. The error is ctx's, or one for the client, after which the worker is of no use and must be closed:
// Topic.End if the topic has ended, and the reason why the group's member cannot go on.
func (w *Worker) Take(ctx context.Context) (proxy.QueueEvent, error) {
	<-ctx.Done()
	return proxy.QueueEvent{}, ctx.Err()
}

// Settle gives a verdict on records, all of them ones that the worker holds: the others get their own result. It does not wait
// for Kafka, unless the settlements of very many records wait to be taken. The error is ctx's, or that
// of Take.
//
// A record whose verdict is under way cannot be settled again, except that one that is being renewed may be.
// Its place in the window is free when the settlement is known.
func (w *Worker) Settle(ctx context.Context, verdict proxy.Verdict, records []proxy.Position) error {
	return nil
}

// Renew has the locks of records begin anew. Otherwise it is like Settle.
func (w *Worker) Renew(ctx context.Context, records []proxy.Position) error {
	return w.Settle(ctx, proxy.Renew, records)
}

// Held returns how many records the worker holds, those included that wait to be taken.
func (w *Worker) Held() int { return 0 }

// Close releases what the worker holds at once. Verdicts that were given before are still sent. It returns when Kafka has
// answered, or when ctx ends: then the rest is done without the caller. Further calls do nothing.
func (w *Worker) Close(ctx context.Context) {}
