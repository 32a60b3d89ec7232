package produce

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// topicUse is one producing client's use of one topic instance. franz-go knows topics by name, and keeps
// the instance that it has seen first. The use ensures that this is the instance for which the records
// are, before it hands over the first one, and that meanwhile nothing is written to another instance of
// the name. Its goroutine, run, does the operations that take time.
type topicUse struct {
	client   *pooled
	instance *cluster.Instance
	previous *topicUse // of an instance of the same name, until it is done
	unfollow func()
	life     context.Context //nolint:containedctx // until end
	over     context.CancelFunc
	work     chan struct{} // notifies run
	done     chan struct{} // closed when franz-go holds nothing of the topic anymore

	held   atomic.Int64  // records without a result
	handed atomic.Int64  // those of them that were handed to franz-go
	uses   atomic.Uint64 // records ever
	stale  atomic.Bool   // franz-go must forget what it knows of the topic
	wrote  atomic.Bool   // franz-go was handed a record

	mu         sync.RWMutex // guards what follows, and is read-locked while a record is handed over
	open       bool         // franz-go knows the instance, and no record waits
	ended      bool
	partitions int32 // that franz-go knows
	wanted     int32 // that it must know for the waiting records
	waiting    []*buffered

	purged bool     // used by run only: franz-go was purged of an instance that it has written to
	idle   idleness // used by the sweeper only
}

func newTopicUse(c *pooled, i *cluster.Instance, previous *topicUse) *topicUse {
	life, over := context.WithCancel(context.Background())
	return &topicUse{
		client: c, instance: i, previous: previous, life: life, over: over,
		work: make(chan struct{}, 1), done: make(chan struct{}), idle: idleness{since: time.Now()},
	}
}

// follow subscribes to the watcher's events about the instance, before any record is handed over.
func (u *topicUse) follow() {
	u.unfollow = u.instance.Follow(cluster.Follower{Grown: u.client.client.ForceMetadataRefresh, Ended: u.end})
}

// hold counts one more record, unless the use was retired.
func (u *topicUse) hold() bool {
	if u.held.Add(1) <= 0 {
		return false
	}
	u.uses.Add(1)
	return true
}

// release counts one record less, here and in the client.
func (u *topicUse) release() {
	u.held.Add(-1)
	u.client.release()
}

// retire ends the use if it holds no record.
func (u *topicUse) retire() bool {
	if !u.held.CompareAndSwap(0, closedForGood) {
		return false
	}
	u.end()
	return true
}

// isOver reports whether the use accepts no further record.
func (u *topicUse) isOver() bool { return u.held.Load() < 0 || u.life.Err() != nil }

// produce hands a record to franz-go, now or as soon as franz-go knows the instance. Records keep their
// order.
func (u *topicUse) produce(b *buffered) {
	if u.handOver(b) {
		return
	}
	if !u.enqueue(b) {
		b.fail(u.reason())
	}
}

func (u *topicUse) handOver(b *buffered) bool {
	u.mu.RLock()
	defer u.mu.RUnlock()
	if !u.open || u.stale.Load() || wantedFor(&b.record) > u.partitions {
		return false
	}
	u.hand(b)
	return true
}

// hand hands a record to franz-go. u.mu is held.
func (u *topicUse) hand(b *buffered) {
	u.handed.Add(1)
	if !u.wrote.Load() {
		u.wrote.Store(true)
	}
	u.client.client.Produce(b.record.Context, &b.record, b.promise)
}

// letGo notes that franz-go no longer holds a record.
func (u *topicUse) letGo() {
	if u.handed.Add(-1) == 0 && u.stale.Load() {
		u.wake()
	}
}

// enqueue makes a record wait until franz-go knows the instance, unless the use has ended.
func (u *topicUse) enqueue(b *buffered) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return false
	}
	u.open = false
	u.wanted = max(u.wanted, wantedFor(&b.record))
	u.waiting = append(u.waiting, b)
	u.wake()
	return true
}

// wantedFor returns how many partitions franz-go must know for a record.
func wantedFor(r *kgo.Record) int32 {
	if isPinned(r) {
		return r.Partition + 1
	}
	return 0
}

// distrust makes franz-go forget what it knows of the topic, once it holds no record of it: Kafka does
// not know the topic, or franz-go has seen another instance. It takes no lock, since promises call it.
func (u *topicUse) distrust() {
	u.stale.Store(true)
	u.wake()
}

func (u *topicUse) wake() {
	select {
	case u.work <- struct{}{}:
	default:
	}
}

// end stops the use from handing over records. It does not wait for the consequences.
func (u *topicUse) end() {
	u.mu.Lock()
	u.open, u.ended = false, true
	u.mu.Unlock()
	u.over()
}

// reason returns the error with which records fail after the end.
func (u *topicUse) reason() error {
	if hasEnded(u.instance) {
		return errEnded
	}
	return kgo.ErrClientClosed
}

// run does the operations that take time, until the use has ended and franz-go holds nothing of the
// topic.
func (u *topicUse) run() {
	defer close(u.done)
	defer u.client.forget(u)
	defer u.unfollow()
	defer u.purge() // fails the records that franz-go holds
	defer u.failWaiting(nil)
	u.awaitPrevious()
	for {
		select {
		case <-u.life.Done():
			return
		case <-u.work:
			u.attend()
		}
	}
}

// awaitPrevious waits until franz-go was purged of the previous instance: a later purge would purge it
// of this one.
func (u *topicUse) awaitPrevious() {
	if u.previous == nil {
		return
	}
	u.previous.end()
	select {
	case <-u.previous.done:
	case <-u.life.Done():
		u.failWaiting(nil)
		<-u.previous.done
	}
	u.previous = nil
}

// attend purges franz-go of stale knowledge, and makes it load the instance if records wait for that.
func (u *topicUse) attend() {
	if u.stale.Load() {
		u.shut()
		if u.handed.Load() > 0 {
			return // the last of them wakes run again
		}
		u.purge()
		u.purged = u.wrote.Load()
		u.stale.Store(false)
	}
	if partitions, wait := u.isAwaited(); wait {
		u.load(partitions)
	}
}

func (u *topicUse) shut() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.open = false
}

func (u *topicUse) isAwaited() (partitions int32, wait bool) {
	u.mu.RLock()
	defer u.mu.RUnlock()
	return u.wanted, len(u.waiting) > 0
}

// load makes franz-go load the instance, with at least the given number of partitions, and hands over
// the waiting records. If the load fails, they fail.
func (u *topicUse) load(partitions int32) {
	ctx, cancel := context.WithTimeout(u.life, u.client.loadTimeout)
	defer cancel()
	known, err := loadInstance(ctx, u.client.client, u.instance, partitions, u.purged || !u.wrote.Load())
	switch {
	case u.life.Err() != nil:
	case err != nil:
		u.failWaiting(err)
		u.distrust() // purge franz-go of the topic at the next occasion
	case u.purged:
		u.client.wearOut(u.instance)
		u.client.replace()
		u.end()
	default:
		u.admit(known)
	}
}

// admit hands over the waiting records, in order.
func (u *topicUse) admit(partitions int32) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return
	}
	u.partitions = partitions
	if u.wanted > partitions {
		u.wake() // a record was added meanwhile
		return
	}
	for _, b := range u.waiting {
		u.hand(b)
	}
	u.waiting, u.wanted, u.open = nil, 0, true
}

// failWaiting fails the waiting records with err, or, if that is nil, with the reason of the end.
func (u *topicUse) failWaiting(err error) {
	u.mu.Lock()
	waiting := u.waiting
	u.waiting, u.wanted = nil, 0
	u.mu.Unlock()
	if err == nil {
		err = u.reason()
	}
	for _, b := range waiting {
		b.fail(err)
	}
}

// purge makes franz-go forget the topic. It waits for a metadata request under way.
func (u *topicUse) purge() { u.client.client.PurgeTopicsFromClient(u.instance.Name) }
