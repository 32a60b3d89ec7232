package app

import (
	"context"
	"os"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"
)

// TestTrimOnceAfterEachBusyTime has a process allocate, in MiB a second, and tells after which seconds memory was given back.
func TestTrimOnceAfterEachBusyTime(t *testing.T) {
	for name, test := range map[string]struct {
		grows []uint64
		trims []int
	}{
		"quiet from the start":     {[]uint64{1, 1, 1, 1}, nil},
		"quiet after a busy time":  {[]uint64{9, 9, 1, 1, 1, 1, 1}, []int{3}},
		"a pause that is short":    {[]uint64{9, 1, 9, 1, 9, 1, 1, 1}, []int{6}},
		"busy all the time":        {[]uint64{4, 4, 4, 4, 4, 4, 4}, nil},
		"busy soon after a trim":   {[]uint64{9, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []int{2, 12}},
		"busy later after a trim":  {[]uint64{9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0}, []int{2, 14}},
		"the first megabytes ever": {[]uint64{5, 0, 0}, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			var total uint64
			var trims []int
			second := 0
			one := trimmer{allocated: func() uint64 { return total }, trim: func() { trims = append(trims, second) }}
			for i, grows := range test.grows {
				second = i
				total += grows << 20
				one.tick()
			}
			if !slices.Equal(trims, test.trims) {
				t.Errorf("given back after %v, want %v", trims, test.trims)
			}
		})
	}
}

// TestTrimGivesBackWhatABusyTimeTook checks what the runtime says of itself.
func TestTrimGivesBackWhatABusyTimeTook(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set")
	}
	ballast := Ballast()
	runtime.GC()
	const busy = 32 << 20 // less than the ballast, so that no collection comes by itself
	var garbage []byte
	for range busy >> 10 {
		garbage = make([]byte, 1<<10)
	}
	before := held()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		Trim(ctx)
	}()
	for deadline := time.After(time.Minute); held()+busy/2 > before; {
		select {
		case <-deadline:
			t.Fatalf("%d bytes are held, %d before", held(), before)
		case <-time.After(100 * time.Millisecond):
		}
	}
	cancel()
	<-done
	runtime.KeepAlive(garbage)
	runtime.KeepAlive(ballast)
}

// held returns the memory that the process has from the system for its heap.
func held() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(samples)
	sum := uint64(0)
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}
