package read

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// lookPause is the pause between two looks for partitions that do not move although their logs go on.
	lookPause = 30 * time.Second
	// waitingShare is the part of the time between two looks that polls must have waited: if their caller is
	// busy, or records of other partitions come all the time, a partition does not move for good reason.
	waitingShare = 2
	// stuckAgain is how long a reader is not ended again for the same place: a log can end in offsets that
	// hold no record.
	stuckAgain = 10 * time.Minute
)

// stuck is where a partition was found that does not move.
type stuck struct {
	offset int64
	at     time.Time
}

// watch ends the reader with an error if a partition has not moved between two looks, was behind the end of its log at
// the second, and has not moved at the third. A new reader has a new client, with a state of its own.
func (r *Reader) watch(ctx context.Context) {
	var before, behind proxy.Places
	for {
		if cluster.Pause(ctx, r.source.lookPause); ctx.Err() != nil {
			return
		}
		now, waited := r.progress()
		unmoved := unmovedOf(now, before)
		if waited >= r.source.lookPause/waitingShare {
			for partition := range behind {
				if _, is := unmoved[partition]; is && r.source.isStuck(partition, now[partition].Offset) {
					r.fail(r.source.unavailable(fmt.Errorf("partition %d is stuck at %d", partition, now[partition].Offset)))
					return
				}
			}
		}
		before, behind = now, r.behind(ctx, unmoved)
	}
}

// progress returns the places, and how long polls have waited since the last call.
func (r *Reader) progress() (now proxy.Places, waited time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waited, r.waited = r.waited, 0
	if !r.waiting.IsZero() {
		waited += time.Since(r.waiting)
		r.waiting = time.Now()
	}
	return r.next.Clone(), waited
}

// unmovedOf returns the places that are as before.
func unmovedOf(now, before proxy.Places) proxy.Places {
	unmoved := proxy.Places{}
	for partition, place := range now {
		if was, is := before[partition]; is && was.Offset == place.Offset {
			unmoved[partition] = place
		}
	}
	return unmoved
}

// behind returns the places behind which there are more records.
func (r *Reader) behind(ctx context.Context, places proxy.Places) proxy.Places {
	if len(places) == 0 {
		return nil
	}
	answers, _ := r.source.ask(ctx, query{timestamps: []func(int32) int64{same(atEnd)}, isolation: r.source.isolation}, func(p int32) bool {
		_, is := places[p]
		return is
	})
	behind := proxy.Places{}
	for partition, a := range answers {
		if a.offsets[0] > places[partition].Offset {
			behind[partition] = places[partition]
		}
	}
	return behind
}

// isStuck tells whether a reader must end for a partition that does not move, and notes the place.
func (s *Source) isStuck(partition int32, offset int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, is := s.stuck[partition]
	if is && last.offset == offset && time.Since(last.at) < stuckAgain {
		return false
	}
	s.stuck[partition] = stuck{offset, time.Now()}
	return true
}
