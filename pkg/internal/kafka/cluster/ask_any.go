package cluster

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// askStep is how long one broker may take before the next one is asked, too.
const askStep = 300 * time.Millisecond

var errNoBrokerKnown = errors.New("no broker is known")

// AskAny sends a request that every broker can answer. It asks a random broker first, and does not depend
// on it: franz-go itself chooses a broker for such a request and waits for its answer as long as the
// context lasts, so that one broker that hangs would fail a part of all requests. request makes the
// request anew for each broker.
func AskAny[A kmsg.Response](ctx context.Context, client *kgo.Client, request func() kmsg.Request) (A, error) {
	brokers := client.DiscoveredBrokers()
	if len(brokers) == 0 {
		return askSeeds[A](ctx, client, request)
	}
	rand.Shuffle(len(brokers), func(i, j int) { //nolint:gosec // it spreads requests, and keeps no secret
		brokers[i], brokers[j] = brokers[j], brokers[i]
	})
	return askInTurn(ctx, append(brokers, client.SeedBrokers()...), func(ctx context.Context, b *kgo.Broker) (A, error) {
		return Ask[A](ctx, b, request())
	})
}

// askSeeds sends a request through a client that knows no brokers yet. franz-go takes its seeds in turn, and
// learns the brokers from the answer if it is metadata: it would otherwise ask a seed for them, and wait for
// that one, when a broker is addressed by its id.
func askSeeds[A kmsg.Response](ctx context.Context, client *kgo.Client, request func() kmsg.Request) (A, error) {
	return askInTurn(ctx, client.SeedBrokers(), func(ctx context.Context, _ *kgo.Broker) (A, error) {
		return as[A](client.Request(ctx, request()))
	})
}

// askInTurn asks brokers until one answers: the next one when those before have failed, or have not
// answered within askStep. An error that is not about the broker ends it.
func askInTurn[A any](ctx context.Context, brokers []*kgo.Broker, ask func(context.Context, *kgo.Broker) (A, error)) (answer A, err error) {
	type result struct {
		answer A
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result, len(brokers))
	next := time.NewTimer(0)
	defer next.Stop()
	err = errNoBrokerKnown
	for asked, failed := 0, 0; failed < len(brokers); {
		select {
		case <-next.C:
			if asked < len(brokers) {
				b := brokers[asked]
				asked++
				go func() {
					a, err := ask(ctx, b)
					results <- result{a, err}
				}()
				next.Reset(askStep)
			}
		case r := <-results:
			if r.err == nil || !kgo.IsRetryableBrokerErr(r.err) {
				return r.answer, r.err
			}
			err = r.err
			failed++
			next.Reset(0)
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
	return answer, err
}

// Ping reports whether some broker answers. It asks the broker first that answered the last time.
func (c *Cluster) Ping(ctx context.Context) error {
	brokers := c.Client.DiscoveredBrokers()
	if len(brokers) == 0 {
		_, err := askSeeds[*kmsg.MetadataResponse](ctx, c.Client, noTopics)
		return c.pinged(err)
	}
	if last := c.answered.Load(); last != nil {
		if i := slices.IndexFunc(brokers, func(b *kgo.Broker) bool { return *b == *last }); i > 0 {
			brokers[0], brokers[i] = brokers[i], brokers[0]
		}
	}
	brokers = append(brokers, c.Client.SeedBrokers()...)
	answered, err := askInTurn(ctx, brokers, func(ctx context.Context, b *kgo.Broker) (*kgo.Broker, error) {
		_, err := b.Request(ctx, noTopics())
		return b, err
	})
	if err == nil {
		c.answered.Store(answered)
	}
	return c.pinged(err)
}

// pinged returns the result of a Ping.
func (c *Cluster) pinged(err error) error {
	if err != nil {
		c.Log.Debug("no broker answers", "err", err)
		return ErrNoBroker
	}
	return nil
}

// noTopics returns a request for metadata of no topics.
func noTopics() kmsg.Request {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // nil would mean all
	return request
}
