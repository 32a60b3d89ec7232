package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/loadclient"
)

// sample opens the sockets, has records come, and reads what that costs after a while.
func (r *flowRun) sample(ctx context.Context) (s liveSample, err error) {
	before, err := readProcess(r.proxy.cmd.Process.Pid)
	if err != nil {
		return s, err
	}
	if err := r.open(ctx); err != nil {
		return s, err
	}
	var written produced
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		written, err = r.stamped(r.topic, r.keys, r.bytes).pace(ctx, r.broker.addr, r.perSecond, r.conflated, stop)
		ended <- err
	}()
	s, err = r.watch(ctx, before.memory)
	close(stop)
	if err := errors.Join(err, <-ended); err != nil {
		return s, err
	}
	err = r.drain(ctx, &s, written)
	return s, err
}

// open opens the sockets. Those of /socket/out are of a group each, which have formed then.
func (r *flowRun) open(ctx context.Context) error {
	var groups []string
	to := plan(r.proxy, r.path, r.sockets, func(n int) url.Values {
		query := url.Values{"topic": {r.topic}}
		if r.query != nil {
			r.query(n, query)
		}
		if r.path == outPath {
			groups = append(groups, fmt.Sprintf("%s-%d", r.topic, n))
			query.Set("groupId", groups[n])
		}
		return query
	})
	if r.overTLS {
		if err := r.secure(r.proxy, to); err != nil {
			return err
		}
	}
	if _, err := r.listeners.open(ctx, to); err != nil || groups == nil {
		return err
	}
	return r.awaitGroups(ctx, 1, groups...)
}

// watch waits for the flow to be as it will stay, and samples it for a time.
func (r *flowRun) watch(ctx context.Context, memory float64) (s liveSample, err error) {
	if err := r.listeners.hold(ctx, r.options.warmUp()); err != nil {
		return s, err
	}
	if err := r.listeners.mark(); err != nil {
		return s, err
	}
	before, err := r.read(r.proxy, r.listeners)
	if err != nil {
		return s, err
	}
	if err := r.profiled(ctx, func() error { return r.listeners.hold(ctx, r.options.window) }); err != nil {
		return s, err
	}
	after, err := r.read(r.proxy, r.listeners)
	if err != nil {
		return s, err
	}
	return newLiveSample(&before, &after, r.sockets, memory), nil
}

// profiled takes a profile of the proxy while hold runs, if profiles are asked for.
func (r *flowRun) profiled(ctx context.Context, hold func() error) error {
	folder := r.options.profiles
	if folder == "" {
		return hold()
	}
	if err := makeProfiles(folder); err != nil {
		return err
	}
	file := filepath.Join(folder, r.topic+"-profile.pprof")
	seconds, saved := max(1, int(r.options.window.Seconds())-1), make(chan error, 1)
	go func() { saved <- r.proxy.save(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), file) }()
	if err := errors.Join(hold(), <-saved); err != nil {
		return err
	}
	s, err := readShares(ctx, file)
	r.results.profiles = append(r.results.profiles, profiled{r.what, s})
	return err
}

// drain waits for what is still on its way, and notes what does not come within a time.
func (r *flowRun) drain(ctx context.Context, s *liveSample, written produced) error {
	limit := time.Now().Add(drainTimeout)
	report, err := r.listeners.await(ctx, "the last records", func(report loadclient.Report) bool {
		s.missing = r.missing(&report, written)
		return s.missing <= 0 || time.Now().After(limit)
	})
	if err != nil {
		return err
	}
	s.late = inMilliseconds(report.Final.P99)
	encodings, err := r.proxy.encodings(ctx)
	s.encodings = encodings / float64(written.records)
	return err
}

// missing compares what has come with what should.
func (r *flowRun) missing(report *loadclient.Report, written produced) float64 {
	if r.conflated {
		return float64(r.keys*r.readers) - float64(report.Final.Count)
	}
	return missingOf(report, written, r.readers)
}
