package main

import (
	"context"
	"fmt"
)

// measureFlows runs all rounds of the flows. They alternate between all rows.
func (b *bench) measureFlows(ctx context.Context, p *proxyProcess, rows []measurement, r *results) error {
	if err := b.fill(ctx, rows); err != nil {
		return err
	}
	for round := range b.options.rounds + 1 {
		for _, m := range rows {
			s, err := b.take(ctx, p, m, round)
			if err != nil {
				return fmt.Errorf("measuring %s: %w", m, err)
			}
			if round > 0 {
				r.flows[m] = append(r.flows[m], s)
			}
		}
		b.progress("flows", round)
	}
	if b.options.profiles == "" {
		return nil
	}
	return b.profile(ctx, p, rows, r)
}

// fill makes the topics that are read in all rounds.
func (b *bench) fill(ctx context.Context, rows []measurement) error {
	begin := func() error { return nil }
	for _, m := range rows {
		if m.flow != "out" || m.way != raw {
			continue
		}
		if err := b.createTopic(ctx, b.filled(m)); err != nil {
			return err
		}
		if _, err := b.data.rawProduce(ctx, b.broker.addr, b.filled(m), b.data.valuesOf(m), b.options.records-ahead, begin); err != nil {
			return err
		}
	}
	return nil
}

// filled is the topic that a measurement reads.
func (b *bench) filled(m measurement) string { return b.name + "-" + m.raw().file() }

// take takes one sample.
func (b *bench) take(ctx context.Context, p *proxyProcess, m measurement, round int) (sample, error) {
	c := newClock(ctx, p)
	name := fmt.Sprintf("%s-%d-%s", b.name, round, m.file())
	var s span
	var err error
	switch {
	case m.flow == "out" && m.connections() > 1:
		s, err = b.takeOutOfGroup(ctx, p, m, name, c)
	case m.flow == "out":
		s, err = b.takeOut(ctx, p, m, name, c)
	default:
		s, err = b.takeIn(ctx, p, m, name, c)
	}
	if err != nil {
		return sample{}, err
	}
	return c.sample(m, s, b.options.records)
}

// takeOut reads as a new group.
func (b *bench) takeOut(ctx context.Context, p *proxyProcess, m measurement, group string, c *clock) (span, error) {
	if err := c.start(); err != nil {
		return span{}, err
	}
	topic := b.filled(m)
	if m.way == raw {
		return rawConsume(ctx, b.broker.addr, topic, group, b.options.records)
	}
	way := b.data.payloads[m.way]
	to := way.out(p.endpoint(m), topic, group)
	if m.objects() {
		to.query.Set("valType", "json")
	}
	delivery := way.delivery
	if m.variant == deflateVariant {
		to.deflate, delivery = true, "" // nothing inflates the messages
	}
	links, err := openAll(ctx, 1, func(int) target { return to })
	if err != nil {
		return span{}, err
	}
	return gather(links, delivery, b.options.records)
}

// takeOutOfGroup reads with several connections of one group, of a clientId each: a group has a clientId
// once. Their group has formed before there is
// anything to read, since records that come before the last rebalance would come twice: the records
// are there already, in a transaction, and its commit lets all of them be read at once.
func (b *bench) takeOutOfGroup(ctx context.Context, p *proxyProcess, m measurement, name string, c *clock) (s span, err error) {
	if err := b.createTopic(ctx, name); err != nil {
		return span{}, err
	}
	commit, abandon, err := b.data.rawTransaction(ctx, b.broker.addr, name, b.options.records)
	if err != nil {
		return span{}, err
	}
	defer abandon()
	way := b.data.payloads[m.way]
	to := way.out(p.endpoint(m), name, name)
	to.query.Set("isolationLevel", "read_committed")
	links, err := openAll(ctx, m.connections(), to.withClient)
	if err != nil {
		return span{}, err
	}
	defer cutAll(links)
	if err := b.awaitGroups(ctx, m.connections(), name); err != nil {
		return span{}, err
	}
	if err := c.start(); err != nil {
		return span{}, err
	}
	if err := commit(); err != nil {
		return span{}, err
	}
	if s, err = gather(links, way.delivery, b.options.records); err != nil {
		return span{}, err
	}
	return s, b.deleteTopic(ctx, name)
}

// takeIn writes to a topic of its own.
func (b *bench) takeIn(ctx context.Context, p *proxyProcess, m measurement, topic string, c *clock) (s span, err error) {
	if err := b.createTopic(ctx, topic); err != nil {
		return span{}, err
	}
	if m.way == raw {
		s, err = b.data.rawProduce(ctx, b.broker.addr, topic, b.data.valuesOf(m), b.options.records, c.start)
	} else {
		s, err = b.data.payloads[m.way].produce(ctx, p.endpoint(m), topic, m.connections(), b.options.records, c.start)
	}
	if err != nil {
		return span{}, err
	}
	return s, b.deleteTopic(ctx, topic)
}
