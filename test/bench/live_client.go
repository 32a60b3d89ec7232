package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

// listenCommand has this program hold sockets that read.
const listenCommand = "listen"

// atOnce is how many handshakes the load client has under way: the proxy leaves an address 128 of those that it takes.
const atOnce = 64

// listeners are sockets that read, in a process of their own.
type listeners struct {
	process *self
	orders  *json.Encoder
	reports *json.Decoder
}

// withListeners runs f with a load client that has no sockets yet.
func withListeners(ctx context.Context, f func(*listeners) error) error {
	process, err := startSelf(ctx, listenCommand)
	if err != nil {
		return fmt.Errorf("starting the load client: %w", err)
	}
	l := &listeners{process, json.NewEncoder(process.input), json.NewDecoder(process.output)}
	return errors.Join(f(l), process.stop())
}

// do gives a command, and fails where a socket was lost.
func (l *listeners) do(c loadclient.Command) (r loadclient.Report, err error) {
	if err := l.orders.Encode(c); err != nil {
		return r, fmt.Errorf("commanding the load client: %w", err)
	}
	if err := l.reports.Decode(&r); err != nil {
		return r, fmt.Errorf("reading from the load client: %w", err)
	}
	if r.Lost > 0 {
		return r, fmt.Errorf("%d sockets were lost, the first by: %s", r.Lost, r.Failure)
	}
	return r, nil
}

func (l *listeners) report() (loadclient.Report, error) { return l.do(loadclient.Command{}) }

// mark begins the latencies anew.
func (l *listeners) mark() error {
	_, err := l.do(loadclient.Command{Mark: true})
	return err
}

// await waits for a report that is so.
func (l *listeners) await(ctx context.Context, what string, isSo func(loadclient.Report) bool) (r loadclient.Report, err error) {
	err = await(ctx, what, func(context.Context) (bool, error) {
		if r, err = l.report(); err != nil {
			return false, err
		}
		return isSo(r), nil
	})
	if err != nil {
		err = fmt.Errorf("%w: there are %d sockets, %d first frames and %d records", err, r.Opened, r.Greeted, r.Records)
	}
	return r, err
}

// open opens sockets and waits for the first frame of each, where the endpoint sends one by itself.
func (l *listeners) open(ctx context.Context, plan *loadclient.Plan) (loadclient.Report, error) {
	before, err := l.do(loadclient.Command{Open: plan})
	if err != nil {
		return before, err
	}
	count := len(plan.Queries)
	return l.await(ctx, fmt.Sprintf("%d sockets to open", count), func(r loadclient.Report) bool {
		return r.Opened-before.Opened == count && (plan.Path != tailPath || r.Greeted-before.Greeted == count)
	})
}

// hold waits, and fails where a socket was lost meanwhile.
func (l *listeners) hold(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := l.report()
	return err
}
