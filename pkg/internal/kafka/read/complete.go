package read

import (
	"context"
	"maps"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// completePause is the pause between two checks of partitions that are not read yet.
const completePause = time.Second

// grow is called when the topic has more partitions.
func (r *Reader) grow() {
	select {
	case r.grown <- struct{}{}:
	default:
	}
}

// complete begins to read the partitions whose leaders did not answer yet, and those that are added to the topic.
func (r *Reader) complete(ctx context.Context, at proxy.Places) {
	for ctx.Err() == nil {
		if r.isComplete() {
			select {
			case <-r.grown:
			case <-ctx.Done():
			}
			continue
		}
		reading := r.places()
		checked, err := r.source.check(ctx, at, func(p int32) bool { _, is := reading[p]; return !is })
		if err == nil && len(checked.Next) > 0 {
			r.join(checked)
			continue
		}
		cluster.Pause(ctx, completePause)
	}
}

// isComplete tells whether all partitions that the topic is known to have are read.
func (r *Reader) isComplete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for partition := range r.source.topic.Partitions() {
		if _, is := r.next[partition]; !is {
			return false
		}
	}
	return true
}

// places returns where reading goes on, in all partitions that are read.
func (r *Reader) places() proxy.Places {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next.Clone()
}

// join begins to read partitions. The check is noted before: no record comes ahead of it.
func (r *Reader) join(checked proxy.Batch) {
	r.mu.Lock()
	maps.Copy(r.next, checked.Next)
	r.checked.Gaps = append(r.checked.Gaps, checked.Gaps...)
	if r.checked.Next == nil {
		r.checked.Next = proxy.Places{}
	}
	maps.Copy(r.checked.Next, checked.Next)
	r.mu.Unlock()
	r.client.AddConsumePartitions(r.positions(checked.Next))
	r.wake()
}
