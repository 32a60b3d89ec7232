// Package devbroker runs a Kafka broker inside the process, for development and trials: it needs no Java,
// no container and no configuration, and real Kafka tools can use it. It is a fake (kfake): one broker,
// no replication, and only as durable as its data directory.
package devbroker

import (
	"fmt"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kfake"
)

// DefaultHost is where the broker listens unless told otherwise: this machine only.
const DefaultHost = "127.0.0.1"

// Options say how to run the broker. The zero value listens on any free port and keeps
// everything in memory.
type Options struct {
	Host string // DefaultHost if empty
	Port int    // 0: any free port
	// Advertise is the host:port that clients are told to connect to; empty: where the broker listens.
	Advertise string
	// PortSetting is how a user chooses Port, as "--kafka-port", for error messages.
	PortSetting string
	DataDir     string           // keeps topics, records and offsets over a restart; empty: in memory
	Topics      map[string]int32 // created if missing: name to partitions, 0 for DefaultPartitions
	Logger      *slog.Logger     // slog.Default() if nil
}

// DefaultPartitions is how many partitions a topic has by default, as with Apache Kafka.
const DefaultPartitions = 1

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
}

// Start starts a broker, which runs until Close. Topics are created by Options and by
// clients that ask for it, never by producing or consuming. A port in use is a
// *PortInUseError.
func Start(o Options) (*Broker, error) {
	if o.Host == "" {
		o.Host = DefaultHost
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	cluster, err := kfake.NewCluster(clusterOptions(o)...)
	if err != nil {
		return nil, fmt.Errorf("start the development broker: %w", explain(err, o))
	}
	fetchWithoutTotal(cluster)
	b := &Broker{cluster: cluster, addr: cluster.ListenAddrs()[0]}
	if err := b.createTopics(o.Topics, o.Logger); err != nil {
		b.Close()
		return nil, fmt.Errorf("start the development broker: %w", err)
	}
	return b, nil
}

func clusterOptions(o Options) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.Ports(o.Port), // one port makes one broker
		kfake.ListenFn(listenOn(o.Host, o.Advertise)),
		kfake.DefaultNumPartitions(DefaultPartitions),
		kfake.MaxVersions(maxVersions()),
		kfake.WithLogger(logger{o.Logger}),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	return opts
}

// Addr returns the host:port that clients connect to.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker and writes unsaved data to the data directory. It may be called again.
func (b *Broker) Close() { b.cluster.Close() }
