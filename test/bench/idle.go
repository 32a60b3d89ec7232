package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"time"
)

// How many connections are idle.
const (
	idleProducers = 5000
	idleConsumers = 500
)

// idleSample is what one round with idle connections gave.
type idleSample struct {
	in, out footprint // per connection
	cpu     float64   // of a core, of all connections together
	plain   float64   // of a core, of as many plain consumers as there are /out connections, and nothing else
}

// measureIdle opens /in connections of a clientId each, and /out connections of a group each, and leaves
// them alone. One connection of each kind comes before: what the first ones need is no part of what
// a connection needs.
func (b *bench) measureIdle(ctx context.Context, p *proxyProcess, round int, r *results) error {
	topic := fmt.Sprintf("%s-%d-idle", b.name, round)
	if err := b.createTopic(ctx, topic); err != nil {
		return err
	}
	i := &idlers{bench: b, proxy: p, topic: topic, crowd: newCrowd()}
	defer i.crowd.end()
	plain, err := b.plainIdle(ctx, topic, b.options.scaled(idleConsumers, 1))
	if err != nil {
		return err
	}
	if err := i.openIn(ctx, 1); err != nil {
		return err
	}
	if err := i.openOut(ctx, 1); err != nil {
		return err
	}
	s, err := i.measure(ctx)
	if err != nil {
		return err
	}
	s.plain = plain
	r.idle = append(r.idle, s)
	if err := i.profile(ctx, r); err != nil {
		return err
	}
	return b.deleteTopic(ctx, topic)
}

// idlers are connections that do nothing.
type idlers struct {
	bench *bench
	proxy *proxyProcess
	topic string
	crowd *crowd
}

func (i *idlers) measure(ctx context.Context) (s idleSample, err error) {
	producers, consumers := i.bench.options.scaled(idleProducers, 1), i.bench.options.scaled(idleConsumers, 1)
	before, err := i.footprint(ctx)
	if err != nil {
		return s, err
	}
	if err := i.openIn(ctx, producers); err != nil {
		return s, err
	}
	within, err := i.footprint(ctx)
	if err != nil {
		return s, err
	}
	if err := i.openOut(ctx, consumers); err != nil {
		return s, err
	}
	after, err := i.footprint(ctx)
	if err != nil {
		return s, err
	}
	s.in, s.out = within.per(producers, before), after.per(consumers, within)
	s.cpu, err = i.load(ctx)
	return s, err
}

// profile takes a profile of the proxy while the connections go on to be idle, if profiles are asked for and
// it is the last round.
func (i *idlers) profile(ctx context.Context, r *results) error {
	o := i.bench.options
	if o.profiles == "" || len(r.idle) < o.rounds {
		return nil
	}
	if err := makeProfiles(o.profiles); err != nil {
		return err
	}
	file := filepath.Join(o.profiles, "idle-profile.pprof")
	if err := i.proxy.save(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(math.Ceil(o.idle.Seconds()))), file); err != nil {
		return err
	}
	return r.addProfile(ctx, "idle connections", file)
}

func (i *idlers) footprint(ctx context.Context) (footprint, error) {
	return i.proxy.footprint(ctx, i.crowd.hold, min(settling, i.bench.options.idle))
}

// load returns which share of a core the proxy needs.
func (i *idlers) load(ctx context.Context) (float64, error) {
	read := i.proxy.meter(ctx)
	before, err := read()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := i.crowd.hold(ctx, i.bench.options.idle); err != nil {
		return 0, err
	}
	now, err := read()
	return now.since(before).cpu / time.Since(began).Seconds(), err
}

// to is the target of an idle connection.
func (i *idlers) to(t target) target {
	t.buffer, t.life = idleBuffer, i.bench.options.idle+2*roundTimeout
	return t.withClient(len(i.crowd.links))
}

func (i *idlers) openIn(ctx context.Context, count int) error {
	for range count {
		l, err := open(ctx, i.to(i.bench.data.payloads[jsonWay].in(endpoint{addr: i.proxy.main}, i.topic)))
		if err != nil {
			return err
		}
		i.crowd.add(l)
	}
	return nil
}

// openOut returns when all groups have formed.
func (i *idlers) openOut(ctx context.Context, count int) error {
	var groups []string
	for range count {
		group := fmt.Sprintf("%s-%d", i.topic, len(i.crowd.links))
		l, err := open(ctx, i.to(i.bench.data.payloads[jsonWay].out(endpoint{addr: i.proxy.main}, i.topic, group)))
		if err != nil {
			return err
		}
		i.crowd.add(l)
		groups = append(groups, group)
	}
	return i.bench.awaitGroups(ctx, 1, groups...)
}
