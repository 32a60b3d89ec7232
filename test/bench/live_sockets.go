package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

const (
	tailPath = "/socket/tail"
	outPath  = "/socket/out"

	// drainTimeout is how long records may be on their way when no more are produced.
	drainTimeout = 20 * time.Second
)

// withListeners runs f with a new topic, a proxy that has done nothing yet, and a load client without sockets.
func (l *live) withListeners(
	ctx context.Context, partitions int, configs map[string]*string, f func(topic string, p *proxyProcess, sockets *listeners) error,
) error {
	l.topics++
	topic := fmt.Sprintf("%s-live-%d", l.name, l.topics)
	if err := l.createTopicOf(ctx, topic, partitions, configs); err != nil {
		return err
	}
	err := l.withProxy(ctx, func(p *proxyProcess) error {
		return withListeners(ctx, func(sockets *listeners) error { return f(topic, p, sockets) })
	})
	return errors.Join(err, l.deleteTopic(ctx, topic))
}

// plan is of sockets without TLS that have a clientId each, and what query says of the one of a number.
func plan(p *proxyProcess, path string, count int, query func(n int) url.Values) *loadclient.Plan {
	plan := &loadclient.Plan{Addr: p.main, Path: path, AtOnce: atOnce}
	for n := range count {
		values := query(n)
		values.Set("clientId", fmt.Sprintf("bench-%d", n))
		plan.Queries = append(plan.Queries, values.Encode())
	}
	return plan
}

// secure has the sockets of a plan use TLS.
func (l *live) secure(p *proxyProcess, plan *loadclient.Plan) (err error) {
	plan.Addr = p.secure
	plan.Authority, err = os.ReadFile(l.program.certificate.certFile)
	return wrap(err, "reading the proxy's certificate")
}

// tails is a plan of sockets that read a topic live, with the same further parameters each.
func tails(p *proxyProcess, topic string, count int, further url.Values) *loadclient.Plan {
	return plan(p, tailPath, count, func(int) url.Values {
		query := url.Values{"topic": {topic}}
		maps.Copy(query, further)
		return query
	})
}
