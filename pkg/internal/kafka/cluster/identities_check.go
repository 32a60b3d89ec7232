package cluster

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// checkTimeout bounds one round of it.
	checkTimeout = 8 * time.Second
	// checksAtOnce is how many identities are asked for at a time.
	checksAtOnce = 8
	// refusalsUntilGone keeps a broker that has not heard of a password yet from ending the
	// connections that use it.
	refusalsUntilGone = 2
)

// check asks once what all open connections may do. An answer that does not come changes nothing.
func (i *identities) check(ctx context.Context) {
	i.checking.Lock()
	defer i.checking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	i.each(func(one *identity) { i.checkOne(ctx, one) })
}

// look has the watcher see what Kafka shows clients with credentials of their own.
func (i *identities) look(ctx context.Context, countMissing bool) {
	i.each(func(one *identity) {
		if one.watch == nil { // the watcher itself
			return
		}
		topics := make(map[string]bool)
		for _, g := range i.grantsOf(one) {
			topics[g.access.Topic] = true
		}
		sights, err := look(ctx, one.client, slices.Collect(maps.Keys(topics)))
		if err != nil {
			return // the check of its rights judges that
		}
		for name, s := range sights {
			i.topics.see(name, s, countMissing)
		}
	})
}

// each does something as each identity, several at a time.
func (i *identities) each(do func(*identity)) {
	var doing sync.WaitGroup
	places := make(chan struct{}, checksAtOnce)
	for _, one := range i.all() {
		places <- struct{}{}
		doing.Go(func() {
			defer func() { <-places }()
			do(one)
		})
	}
	doing.Wait()
}

func (i *identities) all() []*identity {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Values(i.known))
}

func (i *identities) grantsOf(each *identity) []*grant {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Collect(maps.Keys(each.grants))
}

func (i *identities) checkOne(ctx context.Context, each *identity) {
	grants := i.grantsOf(each)
	accesses := make([]Access, len(grants))
	for at, g := range grants {
		accesses[at] = g.access
	}
	r, err := askRights(ctx, each.client, accesses)
	err = each.watch.explain(err)
	switch {
	case isLoginRefusal(err) && each.watch != nil:
		each.refuse(grants, err)
	case err == nil:
		each.refused = 0
		for _, g := range grants {
			g.review(r.judge(g.access))
		}
	}
}

// refuse ends what is done with credentials that Kafka does not take anymore.
func (each *identity) refuse(grants []*grant, err error) {
	if each.refused++; each.refused < refusalsUntilGone {
		return
	}
	for _, g := range grants {
		g.end(proxy.Wrap(err, proxy.KindNotAuthenticated, "Kafka does not take the credentials anymore."))
	}
}

// review takes what a check found of an access. That a topic has ended is for the watcher to tell.
func (g *grant) review(found *proxy.Error) {
	if found != nil && found.Kind == proxy.KindNotAuthorized {
		g.end(found)
	}
}
