package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// sample is what one round of a measurement gave.
type sample struct {
	perSecond   float64 // records
	cpu         float64 // microseconds per record, of the proxy or of the plain client
	allocations float64 // per record, of the same
	memory      float64 // MiB resident at the end, of the same
	client      float64 // microseconds per record, of the load client
}

// clock reads what processes use in a round.
type clock struct {
	proxy, own             meter
	proxyBefore, ownBefore usage
}

func newClock(ctx context.Context, p *proxyProcess) *clock {
	return &clock{proxy: p.meter(ctx), own: ownMeter()}
}

func (c *clock) start() (err error) {
	if c.ownBefore, err = c.own(); err != nil {
		return err
	}
	c.proxyBefore, err = c.proxy()
	return err
}

// sample is called when the round is over.
func (c *clock) sample(m measurement, s span, records int) (sample, error) {
	proxyNow, err := c.proxy()
	if err != nil {
		return sample{}, err
	}
	ownNow, err := c.own()
	if err != nil {
		return sample{}, err
	}
	own, proxy := ownNow.since(c.ownBefore), proxyNow.since(c.proxyBefore)
	if m.way == raw {
		return newSample(s, own, usage{}, records), nil
	}
	return newSample(s, proxy, own, records), nil
}

func newSample(s span, subject, client usage, records int) sample {
	const micro, mebi = 1e6, 1 << 20
	n := float64(records)
	return sample{
		perSecond: s.perSecond(), cpu: subject.cpu * micro / n, allocations: subject.allocations / n,
		memory: subject.memory / mebi, client: client.cpu * micro / n,
	}
}

// medians returns the median of each figure by itself.
func medians(samples []sample) sample {
	return sample{
		perSecond:   median(samples, func(s sample) float64 { return s.perSecond }),
		cpu:         median(samples, func(s sample) float64 { return s.cpu }),
		allocations: median(samples, func(s sample) float64 { return s.allocations }),
		memory:      median(samples, func(s sample) float64 { return s.memory }),
		client:      median(samples, func(s sample) float64 { return s.client }),
	}
}

func median[T any](samples []T, figure func(T) float64) float64 {
	figures := make([]float64, 0, len(samples))
	for _, s := range samples {
		figures = append(figures, figure(s))
	}
	slices.Sort(figures)
	n := len(figures)
	return (figures[(n-1)/2] + figures[n/2]) / 2
}

// speeds returns the least and the most records per second.
func speeds(samples []sample) string {
	bySpeed := func(a, b sample) int { return cmp.Compare(a.perSecond, b.perSecond) }
	return fmt.Sprintf("%.0f-%.0f", slices.MinFunc(samples, bySpeed).perSecond/1000, slices.MaxFunc(samples, bySpeed).perSecond/1000)
}
