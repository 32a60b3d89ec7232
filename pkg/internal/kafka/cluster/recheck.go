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
	// checkInterval is how often Kafka is asked again what open connections may do.
	checkInterval = 10 * time.Second
	// checkTimeout bounds one round of it.
	checkTimeout = 8 * time.Second
	// checksAtOnce is how many identities are asked for at a time.
	checksAtOnce = 8
	// refusalsUntilGone keeps a broker that has not heard of a password yet from ending the
	// connections that use it.
	refusalsUntilGone = 2
)

func (i *identities) checkLoop(ctx context.Context) {
	defer close(i.done)
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			i.check(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// check asks once what all open connections may do. An answer that does not come changes nothing.
func (i *identities) check(ctx context.Context) {
	i.checking.Lock()
	defer i.checking.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var checking sync.WaitGroup
	places := make(chan struct{}, checksAtOnce)
	for _, each := range i.all() {
		places <- struct{}{}
		checking.Go(func() {
			defer func() { <-places }()
			i.checkOne(ctx, each)
		})
	}
	checking.Wait()
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
	calls := &i.calls
	if each.watch == nil {
		calls = &i.cluster.Calls
	}
	r, err := Within(ctx, calls, func(ctx context.Context) (*rights, error) { return askRights(ctx, each.client, accesses) })
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
		g.deny(proxy.Wrap(err, proxy.KindNotAuthenticated, "Kafka does not take the credentials anymore."))
	}
}

// review takes what a check found of an access. That a topic is gone is noticed by those who
// watch topics, unless only the client's own credentials may see it.
func (g *grant) review(found *proxy.Error) {
	switch {
	case found == nil:
		g.missed = 0
	case found.Kind == proxy.KindNotAuthorized:
		g.deny(found)
	case found.Kind == proxy.KindTopicNotFound && !g.access.Credentials.IsZero():
		if g.missed++; g.missed >= missesUntilGone {
			g.deny(proxy.Errorf(proxy.KindTopicNotFound, "Topic %q was deleted.", g.access.Topic))
		}
	}
}
