package cluster

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Instance is one incarnation of a topic: a name and an id. A topic that is deleted and created again
// under its name is another instance. An instance is in use as long as a connection holds it or a
// follower follows it, and is looked up at intervals meanwhile.
type Instance struct {
	Name     string
	id       kadm.TopicID
	topics   *Topics
	settings atomic.Pointer[topicSettings]
	again    *looksAgain
	over     chan struct{} // closed when the instance has ended
	end      *proxy.Error  // the reason, set before over is closed

	users     int                    // guarded by Topics.mu, like all fields below
	followers map[*follower]struct{} // notified of growth and of the end
	misses    int                    // consecutive rounds that found no topic of the name
	missedAt  uint64                 // the round of the last miss
	other     kadm.TopicID           // the id that a lookup found in place of this one's
	otherAt   time.Time              // when it was first found
}

// Follower is notified about an instance by the watcher: its functions must return quickly.
type Follower struct {
	Grown func() // there are more partitions
	Ended func() // the instance has ended, or its state can no longer be determined
}

// follower is one of an instance's followers.
type follower struct{ Follower }

// ID returns the instance's id. It is zero if brokers return none, as before Kafka 2.8.
func (i *Instance) ID() [16]byte { return i.id }

// Partitions returns how many partitions the topic has.
func (i *Instance) Partitions() int32 { return i.settings.Load().partitions }

// Check refuses a record that the topic's settings would refuse at the time now. by is the compression
// of records, nil for none.
func (i *Instance) Check(r *proxy.Record, now time.Time, by *Compression) *proxy.Error {
	return i.settings.Load().check(r, now, by)
}

// MaxRecordBytes is the largest BatchSize of a record that the topic accepts uncompressed.
func (i *Instance) MaxRecordBytes() int64 { return i.settings.Load().maxRecordBytes() }

// BatchBytes is franz-go's batch limit for the largest batch that the topic accepts.
func (i *Instance) BatchBytes() int32 { return franzBatchBytes(i.settings.Load().maxMessageBytes) }

// Ended is closed when the instance has ended: its topic was deleted, or created again.
func (i *Instance) Ended() <-chan struct{} { return i.over }

// Refresh requests a lookup of the topics in use soon: Kafka refused what is known of this one.
func (i *Instance) Refresh() { i.topics.Refresh() }

// Follow notifies f about the instance until stop is called. It keeps the instance in use.
func (i *Instance) Follow(f Follower) (stop func()) {
	i.topics.mu.Lock()
	if i.end == nil {
		defer i.topics.mu.Unlock()
		return i.follow(f)
	}
	i.topics.mu.Unlock()
	f.Ended()
	return func() {}
}

// follow is Follow for an instance that has not ended. Topics.mu is held.
func (i *Instance) follow(f Follower) (stop func()) {
	one := &follower{Follower: f}
	i.users++
	i.followers[one] = struct{}{}
	return sync.OnceFunc(func() {
		i.topics.mu.Lock()
		defer i.topics.mu.Unlock()
		delete(i.followers, one)
		i.leave()
	})
}

// leave counts a user less, and removes the instance with the last one. Topics.mu is held.
func (i *Instance) leave() {
	i.users--
	if i.users == 0 && i.topics.used[i.Name] == i {
		delete(i.topics.used, i.Name)
	}
}

// see handles what a lookup found under the instance's name, and returns a function that notifies the
// followers. Topics.mu is held, but not when tell is called.
func (i *Instance) see(s sight, countMissing bool, round uint64, now time.Time) (tell func()) {
	switch {
	case s.err == nil && s.id == i.id:
		i.misses, i.other = 0, kadm.TopicID{}
		return i.grow(s.partitions)
	case s.err == nil:
		if i.other != s.id {
			i.other, i.otherAt = s.id, now
		}
		if now.Sub(i.otherAt) >= otherFor {
			return i.finish(proxy.Wrap(proxy.ErrReplaced, proxy.KindTopicNotFound, "Topic %q was deleted and made again: connect again.", i.Name))
		}
		return func() { time.AfterFunc(otherFor, i.Refresh) }
	case errors.Is(s.err, kerr.UnknownTopicOrPartition):
		if countMissing && i.missedAt != round {
			i.misses, i.missedAt = i.misses+1, round
		}
		if i.misses >= missesUntilGone {
			return i.finish(proxy.Errorf(proxy.KindTopicNotFound, "Topic %q was deleted.", i.Name))
		}
	}
	return func() {}
}

// grow stores the number of partitions. Topics.mu is held.
func (i *Instance) grow(partitions int32) (tell func()) {
	settings := *i.settings.Load()
	before := settings.partitions
	settings.partitions = max(partitions, before) // Kafka removes no partitions
	i.settings.Store(&settings)
	if partitions <= before {
		return func() {}
	}
	followers := slices.Collect(maps.Keys(i.followers))
	return func() {
		for _, f := range followers {
			f.Grown()
		}
	}
}

// finish ends the instance. Topics.mu is held.
func (i *Instance) finish(reason *proxy.Error) (tell func()) {
	if i.end != nil {
		return func() {}
	}
	i.end = reason
	close(i.over)
	if i.topics.used[i.Name] == i {
		delete(i.topics.used, i.Name)
	}
	followers := slices.Collect(maps.Keys(i.followers))
	return func() {
		for _, f := range followers {
			f.Ended()
		}
	}
}
