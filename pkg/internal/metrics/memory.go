package metrics

import "github.com/prometheus/client_golang/prometheus"

// MemoryBudget sets the budget of the memory that all connections hold together, 0 where there is
// none.
func (m *Metrics) MemoryBudget(bytes int64) { m.memoryBudget.Set(float64(bytes)) }

// MemoryHeld registers held, which returns at each scrape how much of the budget is held for a kind. It
// panics if the kind is registered already.
func (m *Metrics) MemoryHeld(kind string, held func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "memory_held_bytes",
		Help:        "Memory held for the records and frames of all connections, decoded, by what for.",
		ConstLabels: prometheus.Labels{"kind": kind},
	}, func() float64 { return float64(held()) }))
}

func (m *Metrics) registerMemory(f factory) {
	m.memoryBudget = f.gauge("memory_budget_bytes", "What of the memory held for connections is allowed; 0 is no limit.")
}
