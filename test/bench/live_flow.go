package main

import (
	"context"
	"fmt"
	"math"
	"net/url"
)

// flow is sockets that read one topic while records come at an even rate.
type flow struct {
	what       string
	path       string // of the proxy
	overTLS    bool
	sockets    int
	partitions int
	perSecond  int // records that are produced
	bytes      int // of their values
	keys       int // of the records

	// query adds to the query of the socket of a number; nil adds nothing.
	query func(n int, query url.Values)

	readers   int  // sockets that get each record
	conflated bool // they get no more than the last one of each key for sure
}

// expected is how many records are to be delivered in a second, or NaN.
func (f flow) expected() float64 {
	if f.conflated {
		return math.NaN()
	}
	return float64(f.perSecond * f.readers)
}

// flowRun is a flow that goes on.
type flowRun struct {
	*live
	flow
	topic     string
	proxy     *proxyProcess
	listeners *listeners
}

// runFlows takes one sample of each flow, from a proxy and a load client of its own.
func (l *live) runFlows(ctx context.Context, flows ...flow) error {
	for _, f := range flows {
		var s liveSample
		err := l.withListeners(ctx, f.partitions, nil, func(topic string, p *proxyProcess, sockets *listeners) (err error) {
			s, err = (&flowRun{l, f, topic, p, sockets}).sample(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", f.what, err)
		}
		l.results.addFlow(f, s)
	}
	return nil
}
