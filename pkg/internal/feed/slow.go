package feed

import (
	"errors"

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
	// SlowClose ends it.
	SlowClose
)

// fallBehind does what is to become of a tail that is too slow. t.mu is held.
func (t *Tail) fallBehind() {
	switch t.slow {
	case SlowClose:
		t.err = ErrSlow
	case SlowSkip:
		if t.live, t.queue = false, (queue{}); t.ended.Err() == nil {
			t.catching.Go(t.skip)
		}
	default:
		t.goBack()
	}
}

// goBack has the tail read the log from its places on. t.mu is held.
func (t *Tail) goBack() {
	at := t.spot.places()
	t.live, t.isVoid, t.queue = false, false, queue{}
	t.catchUp(at, nil)
}

// skip has the tail go on at the end of the ring, and tells it what it is not given.
func (t *Tail) skip() {
	encoder := t.newEncoder()
	t.log.mu.Lock()
	t.mu.Lock()
	from, end := t.spot.places(), t.audience.ring.end()
	if t.isVoid { // the log tells what has become of it
		t.goBack()
		t.mu.Unlock()
		t.log.mu.Unlock()
		return
	}
	gaps := gapsBetween(from, end.places())
	t.spot, t.live, t.queue = end, true, queue{open: t.selection != nil}
	t.told = newPage(encoder, gaps).controls
	t.mu.Unlock()
	t.log.mu.Unlock()
	t.wake()
}

// gapsBetween returns what lies between places, in order.
func gapsBetween(from, to proxy.Places) (gaps []proxy.Gap) {
	for _, partition := range to.Partitions() {
		begin, end := from[partition], to[partition]
		if begin.Offset < end.Offset {
			gaps = append(gaps, proxy.Gap{Partition: partition, From: begin.Offset, To: end.Offset, Reason: proxy.GapSlow, Then: end})
		}
	}
	return gaps
}
