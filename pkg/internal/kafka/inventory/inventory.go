package inventory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// coordinatorBackoff is the pause before a retry while a group has no coordinator, or does not get an answer from it.
	coordinatorBackoff = 200 * time.Millisecond
	// attemptTimeout bounds each attempt of a lookup, so that there is time to ask another broker who
	// coordinates a group: otherwise franz-go waits for a silent one for much longer.
	attemptTimeout = time.Second
	// changeTimeout bounds each attempt of a change, for the same reason.
	changeTimeout = 3 * time.Second
	// shareTimeout bounds what is asked of several brokers, each of which knows a part of the answer. It is
	// less than administrators wait, so that they get the other parts.
	shareTimeout = 2 * time.Second
)

// Inventory serves the requests of administrators about a cluster. It has clients of its own: a broker
// answers the requests of a connection one after another, and requests of connecting clients must not
// wait for those of administrators.
type Inventory struct {
	client  *kgo.Client  // for lookups
	changer *kgo.Client  // for changes, which may take longer
	changes *kadm.Client // of changer
	metrics *metrics.Metrics
}

// Open creates the clients for administrators. It does not wait for brokers.
func Open(c *cluster.Cluster) (*Inventory, error) {
	client, err := open(c, attemptTimeout)
	if err != nil {
		return nil, err
	}
	changer, err := open(c, changeTimeout)
	if err != nil {
		client.Close()
		return nil, err
	}
	c.Metrics.KafkaClients(metrics.AdminClient).Add(clients)
	return &Inventory{client: client, changer: changer, changes: kadm.NewClient(changer), metrics: c.Metrics}, nil
}

// clients is how many clients an Inventory has.
const clients = 2

func open(c *cluster.Cluster, timeout time.Duration) (*kgo.Client, error) {
	client, err := kgo.NewClient(c.Options(metrics.AdminClient, "wsproxy-admin", kgo.RequestTimeoutOverhead(timeout), kgo.RequestRetries(3), kgo.MaxVersions(versions()))...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client for administrators: %w", err)
	}
	return client, nil
}

// versions are those of requests: the newest that franz-go knows, except that offsets are told with the names of their topics,
// which they are not from version 10 on.
func versions() *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(int16(kmsg.OffsetFetch), 9)
	return v
}

// Close ends requests under way.
func (a *Inventory) Close() {
	a.client.Close()
	a.changer.Close()
	a.metrics.KafkaClients(metrics.AdminClient).Sub(clients)
}

// attempts is how often insist makes a request at most.
const attempts = 4

// insist makes a request that may be made twice, and makes it again, a few times, if no broker has answered it: another
// broker may coordinate the group by then.
func insist[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	for made := 1; ; made++ {
		answer, err := call(ctx, request)
		if err == nil || made == attempts || isUnsupported(err) || isAnswer(err) {
			return answer, err
		}
		if cluster.Pause(ctx, coordinatorBackoff); ctx.Err() != nil {
			return answer, err
		}
	}
}

// ask has the coordinator of a group answer a request that may be made twice. failed returns the error that an answer tells, if any.
func ask[A kmsg.Response](ctx context.Context, client *kgo.Client, id string, request kmsg.Request, failed func(A) error) (A, error) {
	return insist(ctx, func(ctx context.Context) (A, error) {
		answer, err := cluster.AskCoordinator[A](ctx, client, proxy.GroupID(id), request)
		if err == nil {
			err = failed(answer)
		}
		return answer, err
	})
}

// isAnswer reports whether an error is one that a broker has answered.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*kerr.Error](err)
	return ok
}

// call repeats a request until a group's coordinator is available, or until ctx ends.
func call[T any](ctx context.Context, request func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := request(ctx)
		if !errors.Is(err, kerr.CoordinatorNotAvailable) && !errors.Is(err, kerr.CoordinatorLoadInProgress) && !errors.Is(err, kerr.NotCoordinator) {
			return answer, err
		}
		if cluster.Pause(ctx, coordinatorBackoff); ctx.Err() != nil {
			return answer, err
		}
	}
}
