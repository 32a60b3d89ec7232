package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	softwareName = "wsproxy"
	// maxClientID is the longest client.id that franz-go accepts, in bytes.
	maxClientID = 256
	// metadataMaxAge is how long a client goes without a metadata refresh. The watcher of topics
	// announces new partitions much sooner, and a client whose request went to the wrong broker
	// refreshes its metadata at once. More frequent refreshes would each cost an idle client a new
	// connection.
	metadataMaxAge = 5 * time.Minute
	// metadataMinAge lets clients follow a moved leader quickly.
	metadataMinAge = 500 * time.Millisecond
)

// Cluster is a Kafka cluster: clients of all kinds are created from it.
type Cluster struct {
	Settings *config.Kafka
	env      Environment
	Log      *slog.Logger
	Metrics  *metrics.Metrics
	security *security
	observed *observed
	Client   *kgo.Client
	Admin    *kadm.Client
	answered atomic.Pointer[kgo.Broker] // the broker that answered the last Ping

	life context.Context //nolint:containedctx // of all clients, until Cut
	cut  context.CancelFunc
}

// Environment holds what a cluster's clients share besides their settings.
type Environment struct {
	Version string // sent to the brokers
	Log     *slog.Logger
	Metrics *metrics.Metrics
	// Dial connects to brokers. If it is nil, net.Dialer is used.
	Dial dialFunc
}

// Connect prepares the clients of a cluster. It does not wait for brokers: a broker that is down is
// tried again when it is needed. A *FileError means that a certificate cannot be used.
func Connect(settings *config.Kafka, env Environment) (*Cluster, error) {
	security, err := newSecurity(settings, env)
	if err != nil {
		return nil, fmt.Errorf("preparing the connections to brokers: %w", err)
	}
	c := &Cluster{
		Settings: settings, env: env, Log: env.Log, Metrics: env.Metrics,
		security: security, observed: observe(env.Metrics.Registerer()),
	}
	c.life, c.cut = context.WithCancel(context.Background())
	client, err := kgo.NewClient(c.Options(metrics.AdminClient, "wsproxy-admin", kgo.RequestRetries(3))...)
	if err != nil {
		c.observed.end()
		security.close()
		return nil, fmt.Errorf("making the Kafka admin client: %w", err)
	}
	c.Client, c.Admin = client, kadm.NewClient(client)
	c.Metrics.KafkaClients(metrics.AdminClient).Inc()
	return c, nil
}

// Close closes the admin client. It does not close consumers and producers: their owners do.
func (c *Cluster) Close() {
	c.Client.Close()
	c.cut()
	c.security.close()
	c.Metrics.KafkaClients(metrics.AdminClient).Dec()
	c.observed.end()
}

// Cut ends all waits for brokers: it closes all connections of all clients, and no new ones are opened.
// It is for a shutdown that cannot wait any longer; requests that wait fail.
func (c *Cluster) Cut() { c.cut() }

// Life ends with Cut. If a client is created with its own context, that context is derived from Life.
func (c *Cluster) Life() context.Context { return c.life }

// Options returns the options of every client that uses the proxy's own credentials.
func (c *Cluster) Options(kind metrics.ClientKind, clientID string, more ...kgo.Opt) []kgo.Opt {
	return c.OptionsAs(kind, Always(proxy.KafkaCredentials{}), clientID, more...)
}

// OptionsAs returns the options of every client.
func (c *Cluster) OptionsAs(kind metrics.ClientKind, as Credentials, clientID string, more ...kgo.Opt) []kgo.Opt {
	more = append(c.security.options(as), more...)
	return append([]kgo.Opt{
		kgo.SeedBrokers(c.Settings.BootstrapHosts...),
		kgo.ClientID(cutID(clientID)),
		kgo.SoftwareNameAndVersion(softwareName, softwareVersion(c.env.Version)),
		kgo.WithLogger(clientLog{c.Log.With("kafkaClient", clientID)}),
		kgo.RequestTimeoutOverhead(c.Settings.ClientRequestTimeout),
		kgo.MetadataMaxAge(metadataMaxAge),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.DisableClientMetrics(), // 600 KB per client
		kgo.WithContext(c.life),
		c.observed.of(kind),
	}, more...)
}

// Through returns an option that wraps the connections of a client. It must follow those of OptionsAs.
func (c *Cluster) Through(wrap func(address string, conn net.Conn) net.Conn) kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.security.dialTidy(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(address, conn), nil
	})
}

// cutID truncates a client.id to the length that franz-go accepts, between two characters.
func cutID(id string) string {
	if len(id) <= maxClientID {
		return id
	}
	end := maxClientID
	for !utf8.RuneStart(id[end]) {
		end--
	}
	return id[:end]
}

// ErrNoBroker is the error that /readyz shows: its readers, probes and people, need no details.
var ErrNoBroker = errors.New("no broker answers")

// softwareVersion converts a version to a form that brokers accept: they refuse connections with a
// version that is empty or has other characters than letters, digits, dots and dashes (KIP-511).
func softwareVersion(version string) string {
	allowed := func(r rune) rune {
		if r < 128 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '.') {
			return r
		}
		return '-'
	}
	version = strings.Trim(strings.Map(allowed, version), "-.")
	if version == "" {
		return "unknown"
	}
	return version
}

// Broker is a broker of the cluster.
type Broker struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int32  `json:"port"`
	Rack string `json:"rack,omitempty"`
}

// Brokers lists the brokers by id. It asks Kafka each time: kadm answers from franz-go's cache, also
// when no broker is available anymore.
func (c *Cluster) Brokers(ctx context.Context) ([]Broker, error) {
	metadata, err := AskAny[*kmsg.MetadataResponse](ctx, c.Client, noTopics)
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka broker answers.")
	}
	brokers := make([]Broker, 0, len(metadata.Brokers))
	for _, b := range metadata.Brokers {
		broker := Broker{ID: b.NodeID, Host: b.Host, Port: b.Port}
		if b.Rack != nil {
			broker.Rack = *b.Rack
		}
		brokers = append(brokers, broker)
	}
	slices.SortFunc(brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	return brokers, nil
}
