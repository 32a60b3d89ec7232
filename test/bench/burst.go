package main

import (
	"context"
	"fmt"
)

const (
	burstConnections = 200
	burstMessages    = 4096
)

// measureBurst has connections of one clientId send a burst each, one after another, and then nothing.
// It keeps what each connection still holds. One connection comes before: the Kafka client that all
// share, and what a burst leaves in it, are no part of what a connection needs.
func (b *bench) measureBurst(ctx context.Context, p *proxyProcess, round int, r *results) error {
	topic := fmt.Sprintf("%s-%d-burst", b.name, round)
	if err := b.createTopic(ctx, topic); err != nil {
		return err
	}
	c := newCrowd()
	defer c.end()
	if err := b.burst(ctx, p, topic, c, 1); err != nil {
		return err
	}
	settle := min(settling, b.options.idle)
	before, err := p.footprint(ctx, c.hold, settle)
	if err != nil {
		return err
	}
	connections := b.options.scaled(burstConnections, 1)
	if err := b.burst(ctx, p, topic, c, connections); err != nil {
		return err
	}
	if err := c.hold(ctx, b.options.idle); err != nil {
		return err
	}
	after, err := p.footprint(ctx, c.hold, settle)
	if err != nil {
		return err
	}
	r.bursts = append(r.bursts, after.per(connections, before))
	return b.deleteTopic(ctx, topic)
}

func (b *bench) burst(ctx context.Context, p *proxyProcess, topic string, c *crowd, connections int) error {
	way := b.data.payloads[jsonWay]
	to := way.in(endpoint{addr: p.main}, topic)
	to.life = b.options.idle + 2*roundTimeout
	for range connections {
		l, err := open(ctx, to)
		if err != nil {
			return err
		}
		if err := way.exchange(l, burstMessages, way.answer(topic)); err != nil {
			return err
		}
		c.add(l)
	}
	return nil
}
