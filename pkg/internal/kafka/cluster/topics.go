package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// watchInterval is how often the topics in use are looked up again. A deleted topic is
	// noticed at the second look that misses it, well within the minute that clients are
	// promised.
	watchInterval = 10 * time.Second
	// watchTimeout bounds one look.
	watchTimeout = 8 * time.Second
	// missesUntilGone keeps a broker that has not heard of a topic yet from ending its
	// connections.
	missesUntilGone = 2
)

// Topics knows the topics that open connections use: their partitions, the settings by which
// Kafka would refuse records, and whether they still exist.
type Topics struct {
	admin   *kadm.Client
	calls   *Calls // of admin
	rights  *identities
	log     *slog.Logger
	refresh chan struct{} // asks the watch for a look at once
	stop    context.CancelFunc
	done    chan struct{}

	mu   sync.Mutex // guards what follows
	used map[string]*topicEntry
}

// topicEntry is a topic in use.
type topicEntry struct {
	id       kadm.TopicID
	settings atomic.Pointer[topicSettings]
	gone     chan struct{} // closed when the topic was deleted

	users, misses int // guarded by Topics.mu
}

// Topic is one connection's hold on a topic.
type Topic struct {
	Name   string
	topics *Topics
	entry  *topicEntry
	grant  atomic.Pointer[grant] // nil where nobody asked for its rights

	renewing sync.Mutex // guards closed, and is held while grant is replaced
	closed   bool
}

// WatchTopics starts looking after topics in use. Close ends it.
func (c *Cluster) WatchTopics() *Topics {
	ctx, stop := context.WithCancel(context.Background())
	t := &Topics{
		admin: c.Admin, calls: &c.Calls, rights: newIdentities(c), log: c.Log, stop: stop,
		refresh: make(chan struct{}, 1), done: make(chan struct{}), used: make(map[string]*topicEntry),
	}
	go t.watch(ctx)
	return t
}

// Close ends the watch.
func (t *Topics) Close() {
	t.stop()
	<-t.done
	t.rights.close()
}

// Open looks a topic up and holds it until Close. The error tells a client that the topic
// does not exist, or that Kafka does not answer.
func (t *Topics) Open(ctx context.Context, name string) (*Topic, error) {
	return t.openBy(ctx, t.admin, name)
}

// openBy opens a topic, and looks it up with admin where it is not in use.
func (t *Topics) openBy(ctx context.Context, admin *kadm.Client, name string) (*Topic, error) {
	if held := t.hold(name, nil); held != nil {
		return held, nil
	}
	found, err := Within(ctx, t.calls, func(ctx context.Context) (*topicEntry, error) { return t.look(ctx, admin, name) })
	if err != nil {
		return nil, LookupError(err, name)
	}
	return t.hold(name, found), nil
}

// hold returns a hold on a topic that is in use, or comes into use with found.
func (t *Topics) hold(name string, found *topicEntry) *Topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry := t.used[name]
	if entry == nil || entry.misses > 0 {
		if found == nil {
			return nil
		}
		if entry != nil && entry.id != found.id {
			t.remove(name, entry)
			entry = nil
		}
		if entry == nil {
			entry = found
			t.used[name] = entry
		}
	}
	entry.users++
	return &Topic{Name: name, topics: t, entry: entry}
}

// Close lets go of the topic.
func (t *Topic) Close() {
	t.renewing.Lock()
	defer t.renewing.Unlock()
	if t.closed {
		return
	}
	t.closed = true
	t.topics.rights.release(t.grant.Load())
	t.topics.mu.Lock()
	defer t.topics.mu.Unlock()
	t.entry.users--
	if t.entry.users == 0 && t.topics.used[t.Name] == t.entry {
		delete(t.topics.used, t.Name)
	}
}

// Partitions returns how many partitions the topic has.
func (t *Topic) Partitions() int32 { return t.entry.settings.Load().partitions }

// Check refuses a record that the topic's settings would refuse at the time now.
func (t *Topic) Check(r *proxy.Record, now time.Time) *proxy.Error {
	return t.entry.settings.Load().check(r, now)
}

// BatchBytes is what franz-go must be told for the largest batch that the topic takes.
func (t *Topic) BatchBytes() int32 { return franzBatchBytes(t.entry.settings.Load().maxMessageBytes) }

// Refresh asks for the topic to be looked up soon: Kafka refused what its settings allowed, or does
// not know it.
func (t *Topic) Refresh() { t.topics.Refresh() }

// Deny ends the access to the topic: Kafka has refused it.
func (t *Topic) Deny(reason *proxy.Error) { t.grant.Load().deny(reason) }

// Gone is closed when the topic was deleted.
func (t *Topic) Gone() <-chan struct{} { return t.entry.gone }

// look asks Kafka for a topic.
func (t *Topics) look(ctx context.Context, admin *kadm.Client, name string) (*topicEntry, error) {
	metadata, err := admin.Metadata(ctx, name)
	if err != nil {
		return nil, err
	}
	detail := metadata.Topics[name]
	if detail.Err != nil {
		return nil, detail.Err
	}
	settings := defaultSettings()
	if configs, err := admin.DescribeTopicConfigs(ctx, name); err == nil {
		settings = t.readSettings(configs, name)
	}
	settings.partitions = int32(len(detail.Partitions))
	entry := &topicEntry{id: detail.ID, gone: make(chan struct{})}
	entry.settings.Store(&settings)
	return entry, nil
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

// Refresh asks for the topics in use to be looked up soon: Kafka refused what their settings
// allowed.
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
		missing := true // a refresh on demand comes too soon after the last look to count misses
		select {
		case <-ticker.C:
		case <-t.refresh:
			missing = false
		case <-ctx.Done():
			return
		}
		if err := t.lookAgain(ctx, missing); err != nil && ctx.Err() == nil {
			t.log.Warn("looking up the topics in use failed", "err", err)
		}
	}
}

func (t *Topics) lookAgain(ctx context.Context, countMissing bool) error {
	names := t.names()
	if len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	metadata, err := t.admin.Metadata(ctx, names...)
	if err != nil {
		return err
	}
	configs, err := t.admin.DescribeTopicConfigs(ctx, names...)
	if err != nil {
		configs = nil // not every user may describe topics: what is known stays
	}
	for _, name := range names {
		t.update(name, metadata.Topics[name], configs, countMissing)
	}
	return nil
}

func (t *Topics) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]string, 0, len(t.used))
	for name := range t.used {
		names = append(names, name)
	}
	return names
}

// update takes what a look found out about a topic. A topic of the same name but another id
// was deleted and made again: who used the first one must know.
func (t *Topics) update(name string, detail kadm.TopicDetail, configs kadm.ResourceConfigs, countMissing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry := t.used[name]
	switch {
	case entry == nil:
	case detail.Err == nil && detail.ID != entry.id:
		t.remove(name, entry)
	case errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
		if countMissing {
			entry.misses++
		}
		if entry.misses >= missesUntilGone {
			t.remove(name, entry)
		}
	case detail.Err == nil:
		entry.misses = 0
		settings := *entry.settings.Load()
		if known, err := configs.On(name, nil); err == nil && known.Err == nil {
			settings = t.readSettings(configs, name)
		}
		settings.partitions = int32(len(detail.Partitions))
		entry.settings.Store(&settings)
	}
}

// remove tells the users of a topic that it is gone. t.mu is held.
func (t *Topics) remove(name string, entry *topicEntry) {
	close(entry.gone)
	delete(t.used, name)
}
