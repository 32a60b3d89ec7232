package metrics

import (
	"container/list"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// MaxLabelValues is how many values of a label that clients choose get series of their own.
// Prometheus keeps every series in memory, so a client that invents names must not be able to
// make an unbounded number of them.
const MaxLabelValues = 500

// OtherValue stands for all values beyond MaxLabelValues.
const OtherValue = "other"

// labelLimit admits MaxLabelValues values of one label at a time, for all metrics that have the
// label, so that a value is either itself everywhere or OtherValue everywhere. A value that no
// connection holds any longer keeps its series until another value needs the room: if its counters
// disappeared at once, a scrape would miss them.
type labelLimit struct {
	forget func(value string) // deletes the series of a value, nil where there are none

	mu       sync.RWMutex
	admitted map[string]*holding // guarded by mu
	unheld   list.List           // of values that are no longer held, the longest unheld first; guarded by mu
}

// holding counts the holders of a value.
type holding struct {
	held int
	left *list.Element // in unheld, nil for a value that is held or was never held
}

// value returns the value of the label for v: v, or OtherValue. Prometheus takes UTF-8 only.
func (l *labelLimit) value(v string) string {
	v = strings.ToValidUTF8(v, "\uFFFD")
	if l.knows(v) {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.admit(v) == nil {
		return OtherValue
	}
	return v
}

// hold keeps v admitted, if there is room for it, until release.
func (l *labelLimit) hold(v string) (release func()) {
	v = strings.ToValidUTF8(v, "\uFFFD")
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.admit(v)
	if h == nil {
		return func() {}
	}
	if h.left != nil {
		l.unheld.Remove(h.left)
		h.left = nil
	}
	h.held++
	return func() { l.release(v, h) }
}

func (l *labelLimit) release(v string, h *holding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.held--; h.held == 0 {
		h.left = l.unheld.PushBack(strings.Clone(v))
	}
}

func (l *labelLimit) knows(v string) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, known := l.admitted[v]
	return known
}

// admit returns the holding of a value, nil where there is no room. l.mu is held.
func (l *labelLimit) admit(v string) *holding {
	if h := l.admitted[v]; h != nil {
		return h
	}
	if len(l.admitted) >= MaxLabelValues && !l.makeRoom() {
		return nil
	}
	if l.admitted == nil {
		l.admitted = make(map[string]*holding)
	}
	h := new(holding)
	l.admitted[strings.Clone(v)] = h
	return h
}

// makeRoom drops a value that no connection holds, if there is one. l.mu is held.
func (l *labelLimit) makeRoom() bool {
	oldest := l.unheld.Front()
	if oldest == nil {
		return false
	}
	v := l.unheld.Remove(oldest).(string) //nolint:errcheck // nothing else is in it
	delete(l.admitted, v)
	if l.forget != nil {
		l.forget(v)
	}
	return true
}

// Hold keeps the topic and the group of a connection among the values that have series of their own, if
// there is room, until release. Without a group it is empty.
func (m *Metrics) Hold(topic string, group proxy.GroupID) (release func()) {
	releaseTopic := m.topics.hold(topic)
	if group == "" {
		return releaseTopic
	}
	releaseGroup := m.groups.hold(string(group))
	return func() {
		releaseTopic()
		releaseGroup()
	}
}

// forgetTopic deletes the series of a topic that no connection uses.
func (m *Metrics) forgetTopic(topic string) {
	m.produced.forget(topic)
	m.delivered.forget(topic)
	of := prometheus.Labels{"topic": topic}
	for _, vec := range []*prometheus.CounterVec{m.recordsProduced, m.produceErrors, m.recordsDelivered, m.recordsUndecodable} {
		vec.DeletePartialMatch(of)
	}
}

// forgetGroup deletes the series of a group that no connection is in.
func (m *Metrics) forgetGroup(group string) {
	m.groupConnections.DeleteLabelValues(group)
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

func (h *handles[T]) forget(value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.of, value)
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
