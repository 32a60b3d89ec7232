//go:build linux

package leaks

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// holdings is what the proxy has at a moment.
type holdings struct {
	goroutines, descriptors, series int
	ofKafkaClients                  int // series
	heap                            int // bytes in use after a garbage collection
	producers, consumers, admins    int // Kafka clients
	connections, inFlight, groups   int
	sessions                        int
}

// String implements fmt.Stringer.
func (h holdings) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MiB of heap, %d series and %d of Kafka clients; "+
		"%d connections, %d sessions, %d messages in flight, Kafka clients: %d admin, %d producing, %d consuming",
		h.goroutines, h.descriptors, float64(h.heap)/(1<<20), h.series, h.ofKafkaClients, h.connections, h.sessions, h.inFlight, h.admins, h.producers, h.consumers)
}

// get asks the management listener.
func (p *proxy) get(path string) (string, error) { return process.Get(p.management, path, patience) }

// metrics is a scrape: the values of series by their name and labels.
type metrics map[string]float64

func (p *proxy) metrics(t *testing.T) metrics {
	t.Helper()
	text, err := p.get("/metrics")
	must(t, err)
	m := metrics{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[space+1:]), 64)
		must(t, err)
		m[line[:space]] = value
	}
	return m
}

// sum adds up the series of a metric.
func (m metrics) sum(name string) int {
	sum := 0.0
	for series, value := range m {
		if series == name || strings.HasPrefix(series, name+"{") {
			sum += value
		}
	}
	return int(sum)
}

// holds measures, after two collections: what lies in a sync.Pool survives one.
func (p *proxy) holds(t *testing.T) holdings {
	t.Helper()
	for range 2 {
		_, err := p.get("/debug/pprof/heap?gc=1")
		must(t, err)
	}
	m := p.metrics(t)
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
	must(t, err)
	ofKafkaClients := 0
	for series := range m {
		if strings.HasPrefix(series, "wsproxy_kafka_") && !strings.HasPrefix(series, "wsproxy_kafka_clients{") {
			ofKafkaClients++
		}
	}
	clients := func(kind string) int { return int(m[`wsproxy_kafka_clients{kind="`+kind+`"}`]) }
	return holdings{
		goroutines: m.sum("go_goroutines"), descriptors: len(descriptors),
		series: len(m) - ofKafkaClients, ofKafkaClients: ofKafkaClients,
		heap:      m.sum("go_memstats_heap_inuse_bytes"),
		producers: clients("producer"), consumers: clients("consumer"), admins: clients("admin"),
		connections: m.sum("wsproxy_connections"), inFlight: m.sum("wsproxy_in_flight_messages"),
		groups: m.sum("wsproxy_group_connections"), sessions: m.sum("wsproxy_session_claims"),
	}
}

// idle returns nil when nobody is connected and no client of Kafka is left but the admin's.
func (h holdings) idle() error {
	return unless(h.connections == 0 && h.inFlight == 0 && h.groups == 0 && h.sessions == 0 && h.producers == 0 && h.consumers == 0 && h.admins == 1,
		"there are %v, in groups %d", h, h.groups)
}

// The most that may come on top of what there was at the start. None of it grows with the
// number of visits.
const (
	// slackGoroutines and slackDescriptors are for the admin's connections to Kafka, two of
	// which may be open or not, and the connection that asks.
	slackGoroutines  = 12
	slackDescriptors = 4
	// slackHeap is for what keeps its size once it has grown, such as maps and the spans of
	// the heap: less than 250 bytes for each of 20,000 visits.
	slackHeap = 5 << 20
	// slackSeries is for close codes and errors that nobody had in the first round.
	slackSeries = 10
	// slackOfKafkaClients is for what a kind of clients does with a broker for the first time, of which
	// a histogram alone has eleven series.
	slackOfKafkaClients = 100
)

// like returns nil when h is what start was, within the slack.
func (h holdings) like(start holdings) error {
	if err := h.idle(); err != nil {
		return err
	}
	return unless(h.goroutines <= start.goroutines+slackGoroutines && h.descriptors <= start.descriptors+slackDescriptors &&
		h.heap <= start.heap+slackHeap && h.series <= start.series+slackSeries && h.ofKafkaClients <= start.ofKafkaClients+slackOfKafkaClients,
		"there are %v, at the start there were %v", h, start)
}
