package metrics

import "github.com/prometheus/client_golang/prometheus"

// State holds the metrics of one of the topics in which replicas keep their shared state.
type State struct {
	// Lag is how many records of the topic this replica has not read yet.
	Lag prometheus.Gauge
	// Skipped counts records that the proxy did not write, or that cannot be read.
	Skipped *Counter
}

// State returns the metrics of the topic behind a table.
func (m *Metrics) State(table string) *State {
	return &State{Lag: m.stateLag.WithLabelValues(table), Skipped: counterOf(m.stateSkipped, table)}
}

func (m *Metrics) registerState(f factory) {
	m.stateLag = f.gaugeVec("state_lag", "Records of a state topic that this replica has not read yet.", "table")
	m.stateSkipped = f.counterVec("state_records_skipped_total",
		"Records of a state topic that could not be read: they are not the proxy's.", "table")
}

// SessionClaims counts the sessions of one kind that this replica's connections hold.
func (m *Metrics) SessionClaims(kind string) prometheus.Gauge {
	return m.sessionClaims.WithLabelValues(kind)
}

// SessionConflict counts a new connection whose identity was in use, or that met a limit.
func (m *Metrics) SessionConflict(outcome string) {
	m.sessionConflicts.WithLabelValues(outcome).Inc()
}

func (m *Metrics) registerSessions(f factory) {
	m.sessionClaims = f.gaugeVec("session_claims", "Sessions that connections of this replica hold.", "kind")
	m.sessionConflicts = f.counterVec("session_conflicts_total",
		"New connections whose identity was in use, or that met a limit, by what became of them.", "outcome")
}
