package main

// results are what a run has measured: of each group a sample per round.
type results struct {
	options   options
	broker    string
	flows     map[measurement][]sample
	latencies []latencies
	idle      []idleSample
	bursts    []footprint // per connection
	spreads   []spreadSample
	profiles  []profiled
}

func (r *results) median(m measurement) sample { return medians(r.flows[m]) }

// has tells whether there is a sample of a flow.
func (r *results) has(m measurement) bool { return len(r.flows[m]) > 0 }
