package cluster

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// watchInterval is how often the topics in use are looked at. A deleted topic is noticed at the
	// second round that misses it, well within the minute that clients are promised.
	watchInterval = 10 * time.Second
	// watchTimeout bounds one round.
	watchTimeout = 8 * time.Second
	// missesUntilGone keeps a broker that has not heard of a topic yet from ending its
	// connections.
	missesUntilGone = 2
	// refreshPause is the time between two rounds that somebody asked for.
	refreshPause = 500 * time.Millisecond
	// otherFor is for how long brokers must tell of another instance in an instance's place, before
	// it is believed: one that is behind may tell of the one before.
	otherFor = time.Second
	// openPause is the time between two looks at a topic that brokers do not agree on.
	openPause = 200 * time.Millisecond
)

// Topics is the watcher of the topic instances that are in use: open connections hold them, and
// clients follow them. It is the only one to decide that an instance has ended, from what Kafka shows
// the proxy, and from what it shows clients with credentials of their own where it shows the proxy
// nothing.
type Topics struct {
	client  *kgo.Client
	rights  *identities
	log     *slog.Logger
	refresh chan struct{} // asks for a round at once
	stop    context.CancelFunc
	done    chan struct{}

	looking sync.Mutex // one round at a time

	mu    sync.Mutex // guards what follows, and what instances say so of
	round uint64
	used  map[string]*Instance
}

// WatchTopics starts looking after topics in use. Close ends it.
func (c *Cluster) WatchTopics() *Topics {
	ctx, stop := context.WithCancel(context.Background())
	t := &Topics{
		client: c.Client, log: c.Log, stop: stop,
		refresh: make(chan struct{}, 1), done: make(chan struct{}), used: make(map[string]*Instance),
	}
	t.rights = newIdentities(c, t)
	go t.watch(ctx)
	return t
}

// Close ends the watch.
func (t *Topics) Close() {
	t.stop()
	<-t.done
	t.rights.close()
}

// Refresh asks for the topics in use to be looked at soon: Kafka refused what is known of one.
func (t *Topics) Refresh() {
	select {
	case t.refresh <- struct{}{}:
	default:
	}
}

func (t *Topics) watch(ctx context.Context) {
	defer close(t.done)
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.check(ctx)
		case <-t.refresh:
			t.look(ctx, false)
			Pause(ctx, refreshPause)
		case <-ctx.Done():
			return
		}
	}
}

// check asks what has become of all topics in use, and what their users may do.
func (t *Topics) check(ctx context.Context) {
	t.look(ctx, true)
	t.rights.check(ctx)
}

// look is a round: it asks Kafka for all topics in use, as the proxy and as the clients whose
// credentials they are used with. countMissing is set for rounds that the watch does by itself: on
// demand they come too soon after each other to count misses.
func (t *Topics) look(ctx context.Context, countMissing bool) {
	t.looking.Lock()
	defer t.looking.Unlock()
	t.mu.Lock()
	t.round++
	names := slices.Collect(maps.Keys(t.used))
	t.mu.Unlock()
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	var looking sync.WaitGroup
	looking.Go(func() { t.lookAsProxy(ctx, names, countMissing) })
	looking.Go(func() { t.rights.look(ctx, countMissing) })
	looking.Wait()
}

func (t *Topics) lookAsProxy(ctx context.Context, names []string, countMissing bool) {
	sights, err := look(ctx, t.client, names)
	if err != nil {
		if ctx.Err() == nil {
			t.log.Warn("looking up the topics in use failed", "err", err)
		}
		return
	}
	settings, err := lookAtSettings(ctx, t.client, names)
	if err != nil {
		settings = nil // not every user may describe topics: what is known stays
	}
	for name, s := range sights {
		t.see(name, s, countMissing)
		if known, ok := settings[name]; ok {
			t.learn(name, s.id, known)
		}
	}
}

// see takes what a look showed of a topic.
func (t *Topics) see(name string, s sight, countMissing bool) {
	t.mu.Lock()
	i := t.used[name]
	if i == nil {
		t.mu.Unlock()
		return
	}
	tell := i.see(s, countMissing, t.round, time.Now())
	t.mu.Unlock()
	tell()
}

// learn takes the settings of an instance. Partitions are counted by see.
func (t *Topics) learn(name string, id kadm.TopicID, settings topicSettings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.used[name]; i != nil && i.id == id {
		settings.partitions = i.Partitions()
		i.settings.Store(&settings)
	}
}

// hold adds a connection to the instance that Kafka shows under a name, which comes into use with
// that. It is nil where another instance of the name is in use, and not known to have ended.
func (t *Topics) hold(name string, s sight, settings topicSettings, connection *ending) (i *Instance, stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i = t.used[name]
	if i != nil && i.id != s.id {
		return nil, nil
	}
	if i == nil {
		settings.partitions = s.partitions
		i = &Instance{Name: name, id: s.id, topics: t, again: newLooksAgain(), over: make(chan struct{}), followers: make(map[*follower]struct{})}
		i.settings.Store(&settings)
		t.used[name] = i
	}
	stop = i.follow(Follower{Grown: func() {}, Ended: func() { connection.end(i.end) }})
	return i, stop
}

// isKnown tells whether the instance that Kafka shows under a name is in use.
func (t *Topics) isKnown(name string, s sight) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.used[name]
	return i != nil && i.id == s.id
}

// LookupError turns the reason why a topic could not be looked up into one for clients.
func LookupError(err error, name string) error {
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.InvalidTopicException):
		return proxy.Errorf(proxy.KindTopicNotFound, "topic: there is no topic %q.", name)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "topic: Kafka does not authorise the use of %q.", name)
	default:
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell about topic %q now.", name)
	}
}
