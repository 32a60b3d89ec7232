package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// expiries collects how long certificates are still valid, at the time of the scrape.
type expiries struct {
	description *prometheus.Desc

	mu   sync.Mutex // guards what follows
	ends map[string]func() time.Time
}

// CertificateEnds sets how to find when a listener's certificate expires; end may be called at any time.
func (m *Metrics) CertificateEnds(listener string, end func() time.Time) {
	m.expiries.mu.Lock()
	defer m.expiries.mu.Unlock()
	m.expiries.ends[listener] = end
}

func (m *Metrics) registerCertificates() {
	m.expiries = &expiries{
		description: prometheus.NewDesc(namespace+"_certificate_expiry_seconds",
			"For how long the certificate of a TLS listener is still valid.", []string{"listener"}, nil),
		ends: make(map[string]func() time.Time),
	}
	m.registry.MustRegister(m.expiries)
}

// Describe implements prometheus.Collector.
func (e *expiries) Describe(to chan<- *prometheus.Desc) { to <- e.description }

// Collect implements prometheus.Collector.
func (e *expiries) Collect(to chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for listener, end := range e.ends {
		left := time.Until(end()).Seconds()
		to <- prometheus.MustNewConstMetric(e.description, prometheus.GaugeValue, left, listener)
	}
}
