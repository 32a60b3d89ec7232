package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// ClusterSize is how many brokers a [Cluster] has. Their ids are 1 to ClusterSize.
const ClusterSize = 3

// ClusterOptions say how the brokers of a cluster are started. The zero value is a good choice.
type ClusterOptions struct {
	// Properties are added to each broker's server.properties, and win over those set here.
	Properties map[string]string

	// HeapMiB is the most heap that each JVM may use: 64 or more; 0 means 192.
	HeapMiB int

	// Fronts are further listeners of each broker, for clients that come through something else.
	Fronts []Front

	// Between is what brokers come through to each other, and to each other's controllers. Nil means that they come straight. It
	// needs a machine that has all addresses of 127.0.0.0/8, as those with Linux do.
	Between Between
}

// Cluster is an Apache Kafka of three brokers, each of which is a controller too. What one broker
// of them holds, the two others hold as well: topics have three replicas unless they are made
// otherwise, and acks=all needs two of them. A killed broker's partitions get new leaders after
// about 7 s, and a stopped one's at once.
type Cluster struct {
	brokers []*Broker
}

// RequireOwnCluster is [RequireOwn] for a cluster.
func RequireOwnCluster(t testing.TB, o ClusterOptions) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requireTimeout)
	defer cancel()
	c, err := StartCluster(ctx, o)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() {
		for _, b := range c.brokers {
			if t.Failed() { // before any is closed, which is all that the others would log then
				t.Logf("the log of broker %d ends with:\n%s", b.node.id, b.LogTail())
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// StartCluster is [Start] for a cluster. It returns when every broker knows all the others.
func StartCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	options, err := Options{Properties: o.Properties, HeapMiB: o.HeapMiB}.completed()
	if err != nil {
		return nil, fmt.Errorf("starting a cluster of Kafka: %w", err)
	}
	inst, err := installBroker(ctx)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := startCluster(ctx, inst, options, o)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, errPortTaken) || try == startTries {
			return nil, fmt.Errorf("starting a cluster of Kafka %s: %w", BrokerVersion, err)
		}
	}
}

// startCluster tries once: a port can be lost to another process before its broker has it.
func startCluster(ctx context.Context, inst *installation, o Options, all ClusterOptions) (*Cluster, error) {
	c := &Cluster{}
	err := c.place(ctx, inst, o, all)
	if err == nil {
		err = c.launch(ctx)
	}
	if err == nil {
		err = c.awaitAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// place makes the brokers' folders and settings. Each broker's settings name the ports of all.
func (c *Cluster) place(ctx context.Context, inst *installation, o Options, all ClusterOptions) error {
	var nodes []*node
	for range ClusterSize {
		run, err := newRunDir(ctx)
		if err != nil {
			return err
		}
		n := newNode(inst, run, o)
		n.id += len(nodes)
		n.fronts = frontsOf(all.Fronts)
		if all.Between != nil {
			n.between = true
		}
		nodes = append(nodes, n)
		c.brokers = append(c.brokers, &Broker{run: run, node: n})
	}
	if err := chooseClusterPorts(nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		n.peers = nodes
		if err := errors.Join(n.askFronts(), n.askBetween(all.Between), n.format(), n.writeConfig()); err != nil {
			return err
		}
	}
	return nil
}

// launch starts all brokers at a time: none of them serves before there are two.
func (c *Cluster) launch(ctx context.Context) error {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	errs := make([]error, len(c.brokers))
	var starting sync.WaitGroup
	for i, b := range c.brokers {
		starting.Go(func() {
			b.proc, errs[i] = b.node.launch(ctx, b.node.inst.useArchive())
			if errs[i] != nil {
				giveUp()
			}
		})
	}
	starting.Wait()
	return errors.Join(errs...)
}

// awaitAll returns when every broker knows all of them. A client that asks one which does not
// would make topics with too few replicas.
func (c *Cluster) awaitAll(ctx context.Context) error {
	for _, b := range c.brokers {
		for {
			if count, err := countBrokers(ctx, b.Addr()); err == nil && count == len(c.brokers) {
				break
			}
			if err := pause(ctx, readyPollInterval); err != nil {
				return fmt.Errorf("waiting until broker %d knows the others: %w", b.node.id, err)
			}
		}
	}
	return nil
}

// Addr returns the bootstrap addresses of all brokers, each as host:port, between commas.
func (c *Cluster) Addr() string {
	addresses := make([]string, len(c.brokers))
	for i, b := range c.brokers {
		addresses[i] = b.Addr()
	}
	return strings.Join(addresses, ",")
}

// Front returns the bootstrap addresses that a front has given, of [ClusterOptions].Fronts by index.
func (c *Cluster) Front(i int) string {
	addresses := make([]string, len(c.brokers))
	for at, b := range c.brokers {
		addresses[at] = b.Front(i)
	}
	return strings.Join(addresses, ",")
}

// Node returns the broker with an id of 1 to [ClusterSize], to be killed, stopped, paused or
// restarted by itself. Any two of the brokers can do without the third. Where two are down, Restart
// waits for another, so that both must be restarted at the same time.
func (c *Cluster) Node(id int32) *Broker { return c.brokers[int(id)-nodeID] }

// Close closes all brokers.
func (c *Cluster) Close() error {
	var errs []error
	for _, b := range c.brokers {
		errs = append(errs, b.Close())
	}
	return errors.Join(errs...)
}
