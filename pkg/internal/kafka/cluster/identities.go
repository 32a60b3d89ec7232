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

// probesAtOnce is how many clients' credentials are checked at a time: each check opens a connection to a
// broker, and unauthenticated clients could request any number.
const probesAtOnce = 64

// probesWaiting is how many checks may wait for a place.
const probesWaiting = 1024

// identities asks Kafka what connections may do, with the proxy's or the connection's own credentials,
// and repeats this while the connections are open.
type identities struct {
	cluster *Cluster
	topics  *Topics
	calls   Calls
	probes  *fair.Shares // a place for each check of credentials, by the address of the client

	checking sync.Mutex // one check at a time

	mu    sync.Mutex // guards what follows
	known map[proxy.KafkaCredentials]*identity
}

// identity is a Kafka identity that open connections use.
type identity struct {
	client *kgo.Client
	watch  *loginWatch // nil for the proxy's own

	grants  map[*grant]struct{} // guarded by identities.mu
	refused int                 // consecutive checks at which Kafka refused the credentials; used by the checker only
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

// open checks whether Kafka authorises an access.
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

// probe checks an access's credentials with a new client, which is kept if the identity has no client
// yet.
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

// dial creates a client. The connection that uses the credentials gets Kafka's errors: they are not
// logged, since unauthenticated clients could fill the log.
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

// dispose closes an identity's client, unless it is the cluster's own.
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

// ask asks Kafka about one access, and returns what Kafka shows of the topic.
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

// unanswered converts the reason why Kafka does not decide about an access into an error for clients.
func unanswered(a Access, err error) error {
	if isLoginRefusal(err) && !a.Credentials.IsZero() {
		return proxy.Wrap(err, proxy.KindNotAuthenticated, "Kafka does not take the credentials.")
	}
	return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell now whether topic %q may be used.", a.Topic)
}

func unusable(err error) *proxy.Error {
	return proxy.Wrap(err, proxy.KindNotAuthenticated, "The Kafka credentials cannot be used: %v.", err)
}

// admit stores an access.
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

// release removes an access, and with the last access also its credentials.
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

// clientOf returns the client of a granted access. It is nil after the access was released.
func (i *identities) clientOf(g *grant) *kgo.Client {
	i.mu.Lock()
	defer i.mu.Unlock()
	if known := i.known[g.access.Credentials]; known != nil {
		return known.client
	}
	return nil
}
