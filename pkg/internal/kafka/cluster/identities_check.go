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
	// checkTimeout bounds one round of checks.
	checkTimeout = 8 * time.Second
	// checksAtOnce is how many identities are checked at a time.
	checksAtOnce = 8
	// refusalsUntilGone is the number of consecutive refusals that end connections: a broker that does
	// not know a new password yet must not end the connections that use it.
	refusalsUntilGone = 2
)

// check asks Kafka once what all open connections may do. A missing answer changes nothing.
func (i *identities) check(ctx context.Context) {
	i.checking.Lock()
	defer i.checking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	i.each(func(one *identity) { i.checkOne(ctx, one) })
}

// look looks up topics with the clients' own credentials, and passes the results to the watcher.
func (i *identities) look(ctx context.Context, countMissing bool) {
	i.each(func(one *identity) {
		if one.watch == nil { // the proxy's own identity, which the watcher uses
			return
		}
		topics := make(map[string]bool)
		for _, g := range i.grantsOf(one) {
			topics[g.access.Topic] = true
		}
		sights, err := look(ctx, one.client, slices.Collect(maps.Keys(topics)))
		if err != nil {
			return // the check of the rights handles this error
		}
		for name, s := range sights {
			i.topics.see(name, s, countMissing)
		}
	})
}

// each calls do for each identity, several at a time.
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

// refuse ends all accesses of credentials that Kafka no longer accepts.
func (each *identity) refuse(grants []*grant, err error) {
	if each.refused++; each.refused < refusalsUntilGone {
		return
	}
	for _, g := range grants {
		g.end(proxy.Wrap(err, proxy.KindNotAuthenticated, "Kafka does not take the credentials anymore."))
	}
}

// review handles the result of the check of one access. The watcher decides whether a topic has ended.
func (g *grant) review(found *proxy.Error) {
	if found != nil && found.Kind == proxy.KindNotAuthorized {
		g.end(found)
	}
}
