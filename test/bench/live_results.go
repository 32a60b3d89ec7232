package main

import (
	"errors"
	"fmt"
	"math"
)

// liveResults are what a run of live reading has measured.
type liveResults struct {
	options  liveOptions
	broker   string
	flows    []flow // in the order in which they were measured
	samples  map[string][]liveSample
	figures  map[string][]float64 // of what is no flow
	profiles []profiled           // of flows, in their order
}

func newLiveResults(o liveOptions) *liveResults {
	return &liveResults{options: o, samples: make(map[string][]liveSample), figures: make(map[string][]float64)}
}

func (r *liveResults) addFlow(f flow, s liveSample) {
	if len(r.samples[f.what]) == 0 {
		r.flows = append(r.flows, f)
	}
	r.samples[f.what] = append(r.samples[f.what], s)
}

func (r *liveResults) add(what string, value float64) {
	r.figures[what] = append(r.figures[what], value)
}

// flow returns the medians of a flow: all are NaN if it was not measured.
func (r *liveResults) flow(what string) liveSample {
	if len(r.samples[what]) > 0 {
		return liveMedians(r.samples[what])
	}
	var none liveSample
	for _, figure := range none.figures() {
		*figure = math.NaN()
	}
	return none
}

// figure returns the median of what is no flow, or NaN.
func (r *liveResults) figure(what string) float64 {
	if len(r.figures[what]) == 0 {
		return math.NaN()
	}
	return median(r.figures[what], func(v float64) float64 { return v })
}

// complete returns an error where records of a flow are missing, or came twice.
func (r *liveResults) complete() (failed error) {
	for _, f := range r.flows {
		if missing := r.flow(f.what).missing; missing != 0 {
			failed = errors.Join(failed, fmt.Errorf("%s: %.0f records are missing, or came twice", f.what, missing))
		}
	}
	return failed
}
