package metrics

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// MaxLabelValues is how many values of a label that clients choose get series of their own.
// Prometheus keeps every series in memory, so a client that invents names must not be able
// to make them without end.
const MaxLabelValues = 500

// OtherValue stands for all values beyond MaxLabelValues.
const OtherValue = "other"

// labelLimit admits the first MaxLabelValues values of one label, for all metrics that have
// the label, so that a value is either itself everywhere or OtherValue everywhere.
type labelLimit struct {
	mu       sync.RWMutex
	admitted map[string]struct{} // guarded by mu
}

// value returns what to use for v as the label's value. Prometheus takes UTF-8 only.
func (l *labelLimit) value(v string) string {
	v = strings.ToValidUTF8(v, "\uFFFD")
	if known, full := l.look(v); known {
		return v
	} else if full {
		return OtherValue
	}
	return l.admit(v)
}

func (l *labelLimit) look(v string) (known, full bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, known = l.admitted[v]
	return known, len(l.admitted) >= MaxLabelValues
}

func (l *labelLimit) admit(v string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.admitted[v]; known {
		return v
	}
	if len(l.admitted) >= MaxLabelValues {
		return OtherValue
	}
	if l.admitted == nil {
		l.admitted = make(map[string]struct{})
	}
	l.admitted[strings.Clone(v)] = struct{}{}
	return v
}

// handles keeps one *T per value of a bounded label, at most MaxLabelValues and one.
type handles[T any] struct {
	mu sync.Mutex
	of map[string]*T // guarded by mu
}

func (h *handles[T]) get(value string, create func(value string) *T) *T {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.of[value]; ok {
		return t
	}
	if h.of == nil {
		h.of = make(map[string]*T)
	}
	t := create(value)
	h.of[value] = t
	return t
}

// Counter is one labelled series, which appears with the first addition and not before.
// It is safe for concurrent use.
type Counter struct {
	series  atomic.Pointer[prometheus.Counter] // nil before the first addition
	resolve func() prometheus.Counter
}

// Inc adds one.
func (c *Counter) Inc() { c.Add(1) }

// Add adds n, which must not be negative. Zero is no event: it does nothing.
func (c *Counter) Add(n float64) {
	if n == 0 {
		return
	}
	series := c.series.Load()
	if series == nil {
		resolved := c.resolve()
		series = &resolved
		c.series.Store(series)
	}
	(*series).Add(n)
}
