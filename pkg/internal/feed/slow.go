package feed

import (
	"errors"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ErrSlow ends a tail that could not keep up and is not to wait.
var ErrSlow = errors.New("the tail could not keep up")

// Slow is what becomes of a tail that is so slow that the ring has dropped what it would be given next.
type Slow uint8

const (
	// SlowWait has it read the log at its own pace: nothing is lost.
	SlowWait Slow = iota
	// SlowSkip has it go on at the end, with gaps.
	SlowSkip
	// SlowLatest has it given the newest record of each key, and told how many were left out.
	SlowLatest
	// SlowClose ends it.
	SlowClose
)

// fallBehind does what is to become of a tail that is too slow. t.mu is held.
func (t *Tail) fallBehind() {
	switch t.slow {
	case SlowClose:
		t.endAsSlow()
	case SlowSkip:
		if t.live, t.queue = false, (queue{}); t.ended.Err() == nil {
			t.catching.Go(t.skip)
		}
	default:
		t.goBack()
	}
}

// endAsSlow ends the tail. The writer may be stuck, and not ask for more. t.mu is held.
func (t *Tail) endAsSlow() {
	if t.err == nil {
		t.err = ErrSlow
		t.slowed()
	}
}

// endIfBehind ends a tail that is not to wait, if the ring has dropped what it would be given next.
func (t *Tail) endIfBehind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slow == SlowClose && t.live && !t.isVoid && (t.queue.overflow || t.audience.ring.hasDropped(t.next())) {
		t.endAsSlow()
	}
}

// next returns the number of the chunk that the tail reads next.
func (t *Tail) next() uint64 {
	if t.queue.open && t.queue.waits > 0 {
		at, _ := t.queue.next()
		return at.chunk
	}
	return t.spot.chunk
}

// goBack has the tail read the log from its places on. t.mu is held.
func (t *Tail) goBack() {
	at := t.spot.places()
	t.live, t.isVoid, t.queue = false, false, queue{}
	t.catchUp(at, nil)
}

// openQueue returns an empty queue, which is open if the tail needs one.
func (t *Tail) openQueue() queue {
	if t.selection == nil {
		return queue{}
	}
	return newQueue(t.slow == SlowLatest)
}

// conflatedPause is the least time between two frames that tell how many records were left out.
const conflatedPause = time.Second

// tellConflated tells how many records were left out, or will do so soon. t.mu is held.
func (t *Tail) tellConflated(control func(frame []byte) (more bool)) {
	if t.conflated == 0 || t.err != nil {
		return
	}
	now := time.Now()
	if wait := t.tellAt.Sub(now); wait > 0 {
		if !t.tells {
			t.tells = true
			time.AfterFunc(wait, t.wake)
		}
		return
	}
	control(t.newEncoder().AppendConflated(nil, t.conflated))
	t.conflated, t.tells, t.tellAt = 0, false, now.Add(conflatedPause)
}

// skip has the tail go on at the end of the ring, and tells it what it is not given.
func (t *Tail) skip() {
	encoder := t.newEncoder()
	t.log.mu.Lock()
	t.mu.Lock()
	from, end := t.spot.places(), t.audience.ring.end()
	there := end.places()
	if end.ahead = from.Beyond(there); t.isVoid || t.spot.isOlderThan(there) { // the log tells what has become of it
		t.goBack()
		t.mu.Unlock()
		t.log.mu.Unlock()
		return
	}
	gaps := gapsBetween(from, there)
	if len(gaps) > 0 {
		t.holdBack(from)
	}
	t.spot, t.live, t.queue = end, true, t.openQueue()
	t.told = newPage(encoder, gaps).controls
	t.mu.Unlock()
	t.log.mu.Unlock()
	t.wake()
}

// gapsBetween returns what lies between places, in order. A partition of which only a time is known at the end is not gone past.
func gapsBetween(from, to proxy.Places) (gaps []proxy.Gap) {
	for _, partition := range to.Partitions() {
		begin, end := from[partition], to[partition]
		if begin.Offset < end.Offset && !end.IsTime() {
			gaps = append(gaps, proxy.Gap{Partition: partition, From: begin.Offset, To: end.Offset, Reason: proxy.GapSlow, Then: end})
		}
	}
	return gaps
}
