// Package app wires the proxy together and runs it from the start to the end of its shutdown. It
// and package cli lie outside pkg/internal, for the command and for tests.
//
// The wiring is one sequence of steps. Each step registers the teardown of what it builds at
// once; teardowns run in reverse order.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/health"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/consume"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/produce"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/share"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/server"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
)

const (
	probeInterval = 2 * time.Second
	probeTimeout  = 2 * time.Second
	readyPoll     = 10 * time.Millisecond
	// mostFailures is how many components can fail in a way that ends the proxy.
	mostFailures = 5
	// closeTimeout bounds the teardown after all sockets are closed.
	closeTimeout = 5 * time.Second
)

// The names of the readiness checks, as /readyz shows them.
const (
	checkKafka    = "kafka"
	checkSessions = "sessions"
	checkLimits   = "limits" // only where limits can be changed at run time
	checkDraining = "draining"
)

// errDraining is the readiness error of a replica that shuts down.
var errDraining = errors.New("shutting down")

// Options are the parameters of an App. Only Config is required.
type Options struct {
	Config   *config.Config       // from LoadConfig or NewConfig, and not changed afterwards
	Environ  []string             // the environment with the variables of OpenTelemetry, as in os.Environ()
	Log      *slog.Logger         // nothing is logged where nil
	Registry *prometheus.Registry // for the metrics, a new one where nil
	Version  string
	Commit   string
	// Listen opens the listeners, net.Listen where nil.
	Listen func(network, address string) (net.Listener, error)
	// Dial connects to brokers, net.Dialer where nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// App is a running proxy.
type App struct {
	config   *config.Config
	log      *slog.Logger
	checks   *health.Checks
	sockets  *socket.Registry
	teardown []func(context.Context)
	retire   func()     // tells other replicas that this one drains
	cut      func()     // makes the teardown stop waiting for brokers; nil before there is a cluster
	failed   chan error // errors that end the proxy: a listener that failed, a topic that is unusable

	certificates *server.Certificates // nil without TLS

	main       *listener // nil if only TLS is served
	secure     *listener // nil without TLS
	management *listener
	shutdown   sync.Once
}

// Start builds the proxy and listens. It does not wait for Kafka: until a broker answers, the
// proxy is not ready. The error is a *ConfigError where a setting does not fit what it names,
// such as a file.
func Start(o Options) (*App, error) {
	a, err := start(o.withDefaults())
	if err == nil {
		return a, nil
	}
	if a != nil {
		a.tearDown(context.Background())
	}
	return nil, err
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	return o
}

func start(o Options) (*App, error) {
	settings := o.Config
	for _, door := range config.OpenDoors(settings) {
		o.Log.Warn(door.String())
	}
	static, err := readLimits(settings)
	if err != nil {
		return nil, err
	}
	a := &App{config: settings, log: o.Log.With("server", settings.Server.ID), failed: make(chan error, mostFailures)}
	m := a.openMetrics(o)
	access, err := a.readAccess(m)
	if err != nil {
		return nil, err
	}
	traces, err := a.openTraces(o)
	if err != nil {
		return nil, err
	}

	if err := a.openListeners(o, m); err != nil {
		return a, err
	}
	brokers, err := cluster.Connect(&settings.Kafka, cluster.Environment{Version: o.Version, Log: a.log, Metrics: m, Dial: o.Dial})
	if err != nil {
		return a, connectError(err)
	}
	a.onTearDown(func(context.Context) { brokers.Close() })
	a.cut = brokers.Cut
	topics := brokers.WatchTopics()
	a.onTearDown(func(context.Context) { topics.Close() })
	administration, err := a.openAdmin(brokers)
	if err != nil {
		return a, err
	}
	memory, compressed := a.openBudget(m), compression(settings)
	producers, consumers := a.openProducersAndConsumers(brokers, memory)

	limits, writer, err := a.openLimits(brokers, static, m)
	if err != nil {
		return a, err
	}
	sessions, ready, err := a.openSessions(brokers, m)
	if err != nil {
		return a, err
	}
	refusals := server.NewRefusals(a.log, access.chain.Claimed)
	a.background(refusals.Run)
	a.sockets = socket.NewRegistry(socketLimits(settings))
	s := &server.Server{
		Config: settings, Cluster: brokers, Admin: administration, Topics: topics, Producers: producers, Consumers: consumers, Queues: a.openQueues(brokers, memory, m), Feeds: a.openFeeds(memory, compressed, m),
		Sockets: a.sockets, Compression: compressed, Budget: memory, Checks: a.checks, Metrics: m, Traces: traces, Log: a.log,
		Limits: limits, LimitsWriter: writer, Sessions: sessions, SessionsReady: ready, Auth: access.chain, Guesses: server.NewGuesses(), Refusals: refusals, Policy: access.policy, ConsoleClients: a.consoleClients(),
	}
	access.keep(a, s.Recheck)
	a.warnOfOpenDoors(access.chain)
	a.probe(brokers)
	a.serve(s)
	a.checks.Set(checkDraining, nil)
	a.log.Info("listening", "main", a.Addr(), "tls", a.TLSAddr(), "management", a.AdminAddr(), "version", o.Version)
	return a, nil
}

// openMetrics makes the metrics, and the readiness checks whose result they show.
func (a *App) openMetrics(o Options) *metrics.Metrics {
	m := metrics.New(o.Registry, metrics.Build{Version: o.Version, Commit: o.Commit})
	a.checks = health.New(m.SetReady, checkNames(a.config)...)
	return m
}

// openProducersAndConsumers makes the producers and consumers of open connections.
func (a *App) openProducersAndConsumers(brokers *cluster.Cluster, memory *budget.Budget) (*produce.Pool, *consume.Consumers) {
	producers, consumers := produce.NewPool(brokers), consume.NewConsumers(brokers, memory)
	a.onTearDown(producers.Close)
	a.onTearDown(func(context.Context) { consumers.Close() })
	return producers, consumers
}

// openQueues makes the share groups of open connections.
func (a *App) openQueues(brokers *cluster.Cluster, memory *budget.Budget, m *metrics.Metrics) *share.Groups {
	queues := share.NewGroups(brokers, memory, &m.Queues)
	a.onTearDown(queues.Close)
	return queues
}

func socketLimits(settings *config.Config) socket.Limits {
	return socket.Limits{
		Connections: settings.Sockets.MaxConnections, PerAddress: settings.Server.MaxConnectionsPerAddress,
		Handshakes: settings.Server.MaxHandshakes,
	}
}

// compression returns nil where it is not enabled.
func compression(settings *config.Config) *socket.Compression {
	if !settings.Sockets.CompressionEnabled {
		return nil
	}
	return socket.NewCompression(settings.Sockets.CompressionMinBytes)
}

// checkNames lists the readiness checks, in the order in which /readyz shows them.
func checkNames(settings *config.Config) []string {
	names := []string{checkKafka, checkSessions}
	if settings.Sessions.DynamicConfigHandlerEnabled {
		names = append(names, checkLimits)
	}
	return append(names, checkDraining)
}

// probe keeps the readiness check of Kafka up to date.
func (a *App) probe(brokers *cluster.Cluster) {
	a.background(func(ctx context.Context) {
		a.checks.Probe(ctx, checkKafka, probeInterval, probeTimeout, brokers.Ping)
	})
}

// background runs a function in a goroutine until the teardown, which waits for its return.
func (a *App) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	a.onTearDown(func(context.Context) {
		cancel()
		<-done
	})
}

// AwaitReady waits until all readiness checks are fine, or ctx ends.
func (a *App) AwaitReady(ctx context.Context) error {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for !a.checks.Ready() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting to be ready: %w", ctx.Err())
		}
	}
	return nil
}

// Run serves until ctx ends or a component fails, then shuts down in order. The error is that of a
// listener that failed, or tells what to do about a state topic that cannot be used.
func (a *App) Run(ctx context.Context) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-a.failed:
	}
	a.Shutdown()
	return err
}

// Shutdown takes the proxy out of service: the proxy becomes unready and serves all clients for the
// drain delay, then refuses new sockets, finishes and closes the open ones within the grace,
// and tears down all other components.
func (a *App) Shutdown() {
	a.shutdown.Do(func() {
		a.log.Info("draining", "delay", a.config.Server.DrainDelay.String(), "grace", a.config.Server.ShutdownGrace.String())
		a.checks.Set(checkDraining, errDraining)
		a.retire()
		<-time.After(a.config.Server.DrainDelay)
		a.drain(a.config.Server.ShutdownGrace)
		a.log.Info("stopped")
	})
}

// drain takes the grace at most. Its last tenth is for the teardown after the sockets, which includes
// the release of claims; the second half of that is for steps that do not wait for Kafka.
func (a *App) drain(grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace*19/20)
	defer cancel()
	if left := a.sockets.Drain(grace * 9 / 10); left > 0 {
		a.log.Warn("the shutdown grace has ended before all sockets were closed", "left", left)
	}
	a.tearDown(ctx)
}

func (a *App) onTearDown(f func(context.Context)) { a.teardown = append(a.teardown, f) }

func (a *App) tearDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if a.cut != nil {
		defer context.AfterFunc(ctx, a.cut)()
	}
	for _, f := range slices.Backward(a.teardown) {
		f(ctx)
	}
	a.teardown = nil
}
