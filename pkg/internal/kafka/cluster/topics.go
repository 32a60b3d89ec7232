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
	// watchInterval is the interval of the lookups of topics in use. A deleted topic is noticed at the
	// second round that misses it, well within the minute that clients are promised.
	watchInterval = 10 * time.Second
	// watchTimeout bounds one round.
	watchTimeout = 8 * time.Second
	// missesUntilGone is the number of consecutive misses that end an instance: a broker that does not
	// know a topic yet must not end its connections.
	missesUntilGone = 2
	// refreshPause is the pause after a round that was requested.
	refreshPause = 500 * time.Millisecond
	// otherFor is how long brokers must report another instance in place of the known one before the
	// known one counts as ended: a broker that is behind may report an earlier instance.
	otherFor = time.Second
	// openPause is the pause between two lookups of a topic for which brokers report different
	// instances.
	openPause = 200 * time.Millisecond
)

// Topics is the watcher of the topic instances that are in use: open connections hold them, and clients
// follow them. Only Topics decides that an instance has ended, based on what Kafka shows to the proxy,
// and, if it shows the proxy nothing, on what it shows to clients with their own credentials.
type Topics struct {
	client  *kgo.Client
	rights  *identities
	log     *slog.Logger
	refresh chan struct{} // requests a round at once
	stop    context.CancelFunc
	done    chan struct{}

	looking sync.Mutex // one round at a time

	mu    sync.Mutex // guards what follows, and the fields of instances that say so
	round uint64
	used  map[string]*Instance
}

// WatchTopics starts the watch of topics in use. Close ends it.
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

// Refresh requests a lookup of the topics in use soon: Kafka refused what is known of one of them.
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

// check looks up all topics in use, and the rights of their users.
func (t *Topics) check(ctx context.Context) {
	t.look(ctx, true)
	t.rights.check(ctx)
}

// look is a round: it looks up all topics in use, as the proxy and with the clients' credentials with
// which they are used. countMissing is set for the periodic rounds: requested rounds follow each other
// too quickly to count misses.
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
		settings = nil // not every identity may describe topics: the known settings stay
	}
	for name, s := range sights {
		t.see(name, s, countMissing)
		if known, ok := settings[name]; ok {
			t.learn(name, s.id, known)
		}
	}
}

// see handles what a lookup found of a topic.
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

// learn stores the settings of an instance. see stores the number of partitions.
func (t *Topics) learn(name string, id kadm.TopicID, settings topicSettings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := t.used[name]; i != nil && i.id == id {
		settings.partitions = i.Partitions()
		i.settings.Store(&settings)
	}
}

// hold adds a connection to the instance that Kafka shows under a name, and puts the instance into use
// if necessary. It returns nil if another instance of the name is in use, and not known to have ended.
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

// isKnown reports whether the instance that Kafka shows under a name is in use.
func (t *Topics) isKnown(name string, s sight) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.used[name]
	return i != nil && i.id == s.id
}

// LookupError converts the reason why a lookup of a topic failed into an error for clients.
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
