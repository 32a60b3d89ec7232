package metrics

// Authenticated counts an authentication: of a client with credentials, or without required ones.
func (m *Metrics) Authenticated(method, outcome string) {
	m.authenticated.WithLabelValues(method, outcome).Inc()
}

func (m *Metrics) registerAuth(f factory) {
	m.authenticated = f.counterVec("auth_total",
		"Clients whose credentials were looked at, by their kind and by what became of them.", "method", "outcome")
}
