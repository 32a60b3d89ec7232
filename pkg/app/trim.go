package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// trimInterval is how often it is looked at how much was allocated.
	trimInterval = time.Second
	// busyBytes is how much a busy process allocates in that time.
	busyBytes = 4 << 20
	// quietTicks is after how many such times without as much a process is quiet.
	quietTicks = 2
	// trimPause is how many such times are at least between two trims: each collects garbage, and has what is
	// allocated next cost a page fault.
	trimPause = 10
)

// Trim gives memory that is free or garbage back to the system whenever the process has become quiet, until ctx is over. By itself
// the runtime keeps what it had up to the size at which it collects garbage next, which the ballast makes large.
// It is for a process that runs only the proxy.
func Trim(ctx context.Context) {
	ticks := time.NewTicker(trimInterval)
	defer ticks.Stop()
	t := trimmer{allocated: allocated, trim: debug.FreeOSMemory}
	for {
		select {
		case <-ticks.C:
			t.tick()
		case <-ctx.Done():
			return
		}
	}
}

// allocated returns how many bytes the process has allocated since it began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// trimmer decides when memory is given back: once after each busy time.
type trimmer struct {
	allocated func() uint64
	trim      func()

	total uint64 // what was allocated by the last tick
	busy  bool   // whether the process has been since the last trim
	quiet int    // ticks since it was
	pause int    // ticks left until the next trim may be
}

func (t *trimmer) tick() {
	total := t.allocated()
	grown := total - t.total
	t.total, t.pause = total, max(t.pause-1, 0)
	if grown >= busyBytes {
		t.busy, t.quiet = true, 0
		return
	}
	if t.quiet++; t.busy && t.quiet >= quietTicks && t.pause == 0 {
		t.busy, t.pause = false, trimPause
		t.trim()
	}
}
