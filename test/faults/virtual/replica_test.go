//go:build synctests

package virtual

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/network"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// replicaApp is one run of a proxy, on its own host.
type replicaApp struct {
	host    *network.Host
	app     *app.App
	latency time.Duration // of a request to a broker
	silent  atomic.Bool   // new connections are frozen
	over    sync.WaitGroup
}

func startReplica(w *world, name string) (*replicaApp, error) {
	r := &replicaApp{host: w.network.Host(name), latency: w.plan.latency}
	log := slog.New(&w.logs)
	if *verbose {
		log = slog.New(slog.NewMultiHandler(&w.logs, slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))).With("replica", name)
	}
	settings, err := app.NewConfig(w.settings...)
	if err != nil {
		return nil, err
	}
	a, err := app.Start(app.Options{
		Config: settings, Listen: r.host.Listen, Dial: r.dial, Version: "test", Log: log,
	})
	if err != nil {
		return nil, err
	}
	r.app = a
	return r, nil
}

func (r *replicaApp) dial(ctx context.Context, netw, address string) (net.Conn, error) {
	conn, err := r.host.Dial(ctx, netw, address)
	if err != nil {
		return nil, err
	}
	if c, ok := conn.(*network.Conn); ok && r.silent.Load() {
		c.Freeze()
	}
	return slow{conn, r.latency}, nil
}

// slow is a connection on which a write takes time: otherwise a client that retries at once would do so
// forever without time passing.
type slow struct {
	net.Conn
	latency time.Duration
}

// Write implements net.Conn.
func (s slow) Write(b []byte) (int, error) {
	workload.Pause(context.Background(), s.latency)
	return s.Conn.Write(b)
}

// crash disconnects the proxy from the whole network at once. The rest of the proxy ends later, unseen
// by others.
func (r *replicaApp) crash() {
	r.host.Kill()
	r.over.Go(r.app.Shutdown)
}

// shutdown shuts the proxy down gracefully.
func (r *replicaApp) shutdown() { r.over.Go(r.app.Shutdown) }

// silence freezes the proxy's connections to brokers.
func (r *replicaApp) silence() {
	r.silent.Store(true)
	for _, c := range r.host.Conns(true) {
		c.Freeze()
	}
}

func (r *replicaApp) thaw() {
	r.silent.Store(false)
	for _, c := range r.host.Conns(true) {
		c.Thaw()
	}
}

// cut resets one of share connections to brokers.
func (r *replicaApp) cut(random *rand.Rand, share int) {
	for _, c := range r.host.Conns(true) {
		if random.IntN(share) == 0 {
			c.Reset()
		}
	}
}
