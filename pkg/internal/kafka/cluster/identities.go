package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// probesAtOnce is how many clients' credentials are tried at a time: each try is a connection to
// a broker, of which unauthenticated clients could want any number.
const probesAtOnce = 64

// probesWaiting is how many tries may wait for that.
const probesWaiting = 1024

// identities ask Kafka what connections may do, as the proxy or with a connection's own
// credentials, and go on asking while the connections are open.
type identities struct {
	cluster *Cluster
	topics  *Topics
	calls   Calls
	probes  *fair.Shares // a place for each try, by the address of who asks

	checking sync.Mutex // one check at a time

	mu    sync.Mutex // guards what follows
	known map[proxy.KafkaCredentials]*identity
}

// identity is who open connections are for Kafka.
type identity struct {
	client *kgo.Client
	watch  *loginWatch // nil for the proxy's own

	grants  map[*grant]struct{} // guarded by identities.mu
	refused int                 // checks in a row at which Kafka did not take the credentials; the checker's
}

func newIdentities(c *Cluster, t *Topics) *identities {
	return &identities{
		cluster: c, topics: t, probes: fair.NewShares(probesAtOnce, probesWaiting),
		known: make(map[proxy.KafkaCredentials]*identity),
	}
}

// close closes all clients.
func (i *identities) close() {
	i.calls.Refuse()
	i.mu.Lock()
	for credentials, known := range i.known {
		i.dispose(known)
		delete(i.known, credentials)
	}
	i.mu.Unlock()
	i.calls.Wait()
}

// open asks whether Kafka authorises an access.
func (i *identities) open(ctx context.Context, a Access) (*grant, sight, error) {
	if err := i.cluster.security.usable(a.Credentials); err != nil {
		return nil, sight{}, unusable(err)
	}
	if a.Credentials.IsZero() {
		own := &identity{client: i.cluster.Client}
		shown, err := i.ask(ctx, own, a)
		if err != nil {
			return nil, sight{}, err
		}
		granted := newGrant(a)
		i.admit(granted, own)
		return granted, shown, nil
	}
	from := fair.AddressIn(ctx)
	if err := i.probes.Take(ctx, from); err != nil {
		return nil, sight{}, proxy.Wrap(err, proxy.KindOverloaded, "Too many clients' Kafka credentials are being checked.")
	}
	defer i.probes.Give(from)
	return i.probe(ctx, a)
}

// probe tries an access's credentials with a client of its own, which stays if there is none yet
// that Kafka knows by them.
func (i *identities) probe(ctx context.Context, a Access) (*grant, sight, error) {
	fresh, err := i.dial(a.Credentials)
	if err != nil {
		return nil, sight{}, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka client could be made.")
	}
	shown, err := i.ask(ctx, fresh, a)
	if err != nil {
		i.dispose(fresh)
		return nil, sight{}, err
	}
	granted := newGrant(a)
	i.admit(granted, fresh)
	return granted, shown, nil
}

// dial makes a client. Whoever uses the credentials learns what Kafka says of them: the log
// does not, since unauthenticated clients could fill it.
func (i *identities) dial(as proxy.KafkaCredentials) (*identity, error) {
	c, watch := i.cluster, new(loginWatch)
	client, err := kgo.NewClient(c.OptionsAs(metrics.IdentityClient, Always(as), "wsproxy-identity", append(Quickly(len(c.Settings.BootstrapHosts)),
		kgo.WithHooks(watch), kgo.WithLogger(clientLog{slog.New(slog.DiscardHandler)}),
	)...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client for a client's credentials: %w", err)
	}
	c.Metrics.KafkaClients(metrics.IdentityClient).Inc()
	return &identity{client: client, watch: watch}, nil
}

// dispose closes an identity's client, unless that is the cluster's.
func (i *identities) dispose(gone *identity) {
	if gone.client == i.cluster.Client {
		return
	}
	shut := func() {
		gone.client.Close()
		i.cluster.Metrics.KafkaClients(metrics.IdentityClient).Dec()
	}
	if i.calls.Run(shut) != nil {
		shut()
	}
}

// ask asks Kafka about one access, and what it shows of the topic.
func (i *identities) ask(ctx context.Context, as *identity, a Access) (sight, error) {
	r, err := askRights(ctx, as.client, []Access{a})
	if err = as.watch.explain(err); err != nil {
		return sight{}, unanswered(a, err)
	}
	if denied := r.judge(a); denied != nil {
		return sight{}, denied
	}
	return r.topics[a.Topic], nil
}

// unanswered turns the reason why Kafka says nothing of an access into an error for clients.
func unanswered(a Access, err error) error {
	if isLoginRefusal(err) && !a.Credentials.IsZero() {
		return proxy.Wrap(err, proxy.KindNotAuthenticated, "Kafka does not take the credentials.")
	}
	return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell now whether topic %q may be used.", a.Topic)
}

func unusable(err error) *proxy.Error {
	return proxy.Wrap(err, proxy.KindNotAuthenticated, "The Kafka credentials cannot be used: %v.", err)
}

// admit notes an access.
func (i *identities) admit(granted *grant, fresh *identity) {
	credentials := granted.access.Credentials
	i.mu.Lock()
	defer i.mu.Unlock()
	known := i.known[credentials]
	if known == nil {
		known = fresh
		known.grants = make(map[*grant]struct{})
		i.known[credentials] = known
	} else {
		defer i.dispose(fresh)
	}
	known.grants[granted] = struct{}{}
}

// release forgets an access, and its credentials with the last that uses them.
func (i *identities) release(g *grant) {
	if g == nil {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	known := i.known[g.access.Credentials]
	if known == nil {
		return
	}
	if delete(known.grants, g); len(known.grants) == 0 {
		delete(i.known, g.access.Credentials)
		i.dispose(known)
	}
}

// clientOf is the client of an access that was granted. It is nil once the access was given up.
func (i *identities) clientOf(g *grant) *kgo.Client {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known := i.known[g.access.Credentials]; known != nil {
		return known.client
	}
	return nil
}
