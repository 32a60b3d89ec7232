package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	// maxClientID is the longest client.id that franz-go takes, in bytes.
	maxClientID = 256
	// metadataMaxAge is how long a client goes on without asking for metadata. The watcher of topics tells
	// of new partitions much sooner, and a client whose request went to the wrong broker asks at once. Often
	// asked for, it would cost idle clients a new connection each time.
	metadataMaxAge = 5 * time.Minute
	// metadataMinAge lets clients follow a leader's move quickly.
	metadataMinAge = 500 * time.Millisecond
)

// Cluster is a Kafka cluster: what clients of all kinds are made from.
type Cluster struct {
	Settings *config.Kafka
	env      Environment
	Log      *slog.Logger
	Metrics  *metrics.Metrics
	security *security
	observed *observed
	Client   *kgo.Client
	Admin    *kadm.Client
	Calls    Calls // of client
}

// Environment is what a cluster's clients share besides their settings.
type Environment struct {
	Version string // told to the brokers
	Log     *slog.Logger
	Metrics *metrics.Metrics
	// Dial connects to brokers, net.Dialer where nil.
	Dial dialFunc
}

// Connect prepares the clients of a cluster. It waits for no broker: one that is down is
// tried again when it is needed. A *FileError tells of a certificate that cannot be used.
func Connect(settings *config.Kafka, env Environment) (*Cluster, error) {
	security, err := newSecurity(settings, env)
	if err != nil {
		return nil, fmt.Errorf("preparing how brokers are connected to: %w", err)
	}
	c := &Cluster{
		Settings: settings, env: env, Log: env.Log, Metrics: env.Metrics,
		security: security, observed: observe(env.Metrics.Registerer()),
	}
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

// Close closes the admin client. Consumers and producers are closed by their own.
func (c *Cluster) Close() {
	c.Calls.Refuse()
	c.Client.Close()
	c.Calls.Wait()
	c.security.close()
	c.Metrics.KafkaClients(metrics.AdminClient).Dec()
	c.observed.end()
}

// Cut has nothing wait for a broker anymore: all connections of all clients are closed, and no other
// is opened. It is for an end that cannot wait any longer; what waits fails.
func (c *Cluster) Cut() { c.security.opened.cut() }

// Options are what every client is made with that uses the proxy's own credentials.
func (c *Cluster) Options(kind metrics.ClientKind, clientID string, more ...kgo.Opt) []kgo.Opt {
	return c.OptionsAs(kind, Always(proxy.KafkaCredentials{}), clientID, more...)
}

// OptionsAs are what every client is made with.
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
		kgo.DisableClientMetrics(), // 600 KB a client
		c.observed.of(kind),
	}, more...)
}

// cutID cuts a client.id to what franz-go takes, between two characters.
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

// ErrNoBroker is what /readyz shows: it is read by probes and people who need no details.
var ErrNoBroker = errors.New("no broker answers")

// softwareVersion makes a version presentable to brokers: they refuse connections that tell
// of one with other characters than letters, digits, dots and dashes, or of none (KIP-511).
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

// Ping checks that a broker answers.
func (c *Cluster) Ping(ctx context.Context) error {
	ping := func(ctx context.Context) (struct{}, error) { return struct{}{}, c.Client.Ping(ctx) }
	if _, err := Within(ctx, &c.Calls, ping); err != nil {
		c.Log.Debug("no broker answers", "err", err)
		return ErrNoBroker
	}
	return nil
}

// Broker is a broker of the cluster.
type Broker struct {
	ID   int32  `json:"id"`
	Host string `json:"host"`
	Port int32  `json:"port"`
	Rack string `json:"rack,omitempty"`
}

// Brokers lists the brokers by id. It asks Kafka each time: what kadm answers comes from
// franz-go's memory, also when no broker is there anymore.
func (c *Cluster) Brokers(ctx context.Context) ([]Broker, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	metadata, err := Within(ctx, &c.Calls, func(ctx context.Context) (*kmsg.MetadataResponse, error) {
		return request.RequestWith(ctx, c.Client)
	})
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
