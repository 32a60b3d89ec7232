package produce

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// topicUse is one producing client's use of one topic instance. franz-go knows topics by name, and
// keeps the instance that it has met first: the use sees to it that this is the one that the records
// are for, before the first is handed over, and that no other instance of the name is written to
// meanwhile. It has a goroutine, run, which does what takes time.
type topicUse struct {
	client   *pooled
	instance *cluster.Instance
	previous *topicUse // of an instance of the same name, until it is done
	unfollow func()
	life     context.Context //nolint:containedctx // until end
	over     context.CancelFunc
	work     chan struct{} // tells run of something to do
	done     chan struct{} // closed when franz-go has let go of the topic

	held   atomic.Int64  // records without a fate
	handed atomic.Int64  // those of them that franz-go has
	uses   atomic.Uint64 // records ever
	stale  atomic.Bool   // what franz-go knows of the topic is to be forgotten
	wrote  atomic.Bool   // franz-go was handed a record

	mu         sync.RWMutex // guards what follows, and is read-locked while a record is handed over
	open       bool         // franz-go knows the instance, and no record waits
	ended      bool
	partitions int32 // that franz-go knows
	wanted     int32 // that it must know for those that wait
	waiting    []*buffered

	purged bool     // run's: franz-go has forgotten what it wrote
	idle   idleness // the sweeper's
}

func newTopicUse(c *pooled, i *cluster.Instance, previous *topicUse) *topicUse {
	life, over := context.WithCancel(context.Background())
	return &topicUse{
		client: c, instance: i, previous: previous, life: life, over: over,
		work: make(chan struct{}, 1), done: make(chan struct{}), idle: idleness{since: time.Now()},
	}
}

// follow has the watcher tell what becomes of the instance, before any record is handed over.
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

// release counts one record less, of the client too.
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

// isOver tells whether the use takes no further record.
func (u *topicUse) isOver() bool { return u.held.Load() < 0 || u.life.Err() != nil }

// produce hands a record to franz-go, now or as soon as that knows the instance. Records keep their
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

// letGo tells that franz-go has let go of a record.
func (u *topicUse) letGo() {
	if u.handed.Add(-1) == 0 && u.stale.Load() {
		u.wake()
	}
}

// enqueue lets a record wait until franz-go knows the instance, unless the use has ended.
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

// wantedFor is how many partitions franz-go must know for a record.
func wantedFor(r *kgo.Record) int32 {
	if isPinned(r) {
		return r.Partition + 1
	}
	return 0
}

// distrust has what franz-go knows of the topic forgotten, once it has no record of it: Kafka does not
// know the topic, or franz-go has met another instance. It takes no lock, since promises call it.
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

// end has no further record handed over. It does not wait for what it causes.
func (u *topicUse) end() {
	u.mu.Lock()
	u.open, u.ended = false, true
	u.mu.Unlock()
	u.over()
}

// reason is why records fail after the end.
func (u *topicUse) reason() error {
	if hasEnded(u.instance) {
		return errEnded
	}
	return kgo.ErrClientClosed
}

// run does what takes time, until the use has ended and franz-go has let go of the topic.
func (u *topicUse) run() {
	defer close(u.done)
	defer u.client.forget(u)
	defer u.unfollow()
	defer u.purge() // fails what franz-go has
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

// awaitPrevious waits until franz-go has let go of the instance before this one: purging it later
// would purge this one.
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

// attend has franz-go forget what is stale, and know the instance where records wait for that.
func (u *topicUse) attend() {
	if u.stale.Load() {
		u.shut()
		if u.handed.Load() > 0 {
			return // the last of them comes back here
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

// load has franz-go know the instance, with so many partitions at least, and hands over what waits
// for that. What waits in vain fails.
func (u *topicUse) load(partitions int32) {
	ctx, cancel := context.WithTimeout(u.life, u.client.loadTimeout)
	defer cancel()
	known, err := loadInstance(ctx, u.client.client, u.instance, partitions, u.purged || !u.wrote.Load())
	switch {
	case u.life.Err() != nil:
	case err != nil:
		u.failWaiting(err)
		u.distrust() // nothing is left to look after
	case u.purged:
		u.client.wearOut(u.instance)
		u.client.replace()
		u.end()
	default:
		u.admit(known)
	}
}

// admit hands over what waits, in order.
func (u *topicUse) admit(partitions int32) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return
	}
	u.partitions = partitions
	if u.wanted > partitions {
		u.wake() // a record came meanwhile
		return
	}
	for _, b := range u.waiting {
		u.hand(b)
	}
	u.waiting, u.wanted, u.open = nil, 0, true
}

// failWaiting fails what waits with an error, or where that is nil with the reason of the end.
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

// purge has franz-go forget the topic. It waits for a metadata request under way.
func (u *topicUse) purge() { u.client.client.PurgeTopicsFromClient(u.instance.Name) }
