//go:build linux

package main

import (
	"context"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

const (
	// joinWithin is how soon after a replica has started all that were at another one must have joined it.
	joinWithin = time.Minute
	// residentOfTail is the floor of the idle row and a fifth, for a machine that collects garbage late.
	residentOfTail = 36 // KiB
)

// TestLongThousandsOfTailsJoin has 15,000 tails come to one replica together. None is refused, and each costs what it may.
func TestLongThousandsOfTailsJoin(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Max < idleSockets*11/10 {
		t.Skipf("a process may open %d files (%v), which are not enough for so many sockets", files.Max, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	watch := stopwatch.Start(t)
	var said strings.Builder
	o, err := parseLive([]string{"--embedded", "--rows", "idle", "--idle", "1s"}, &said)
	if err != nil {
		t.Fatal(err)
	}
	r := newLiveResults(o)
	err = withBench(ctx, o.options, &messages{to: &said}, func(b *bench) error {
		return (&live{bench: b, options: o, results: r}).measure(ctx)
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	took, resident := time.Duration(r.figure(idleJoined)*float64(time.Second)), r.figure(idleResident)
	t.Logf("%d tails have joined after %v, each with %.1f KiB", idleSockets, took.Round(time.Millisecond), resident)
	if stalled := watch.Stalled(); took-stalled > joinWithin {
		t.Errorf("%d tails joined within %v, and the machine was busy for %v of the run", idleSockets, took, stalled)
	}
	if resident > residentOfTail || math.IsNaN(resident) {
		t.Errorf("an idle tail takes %.1f KiB", resident)
	}
}
