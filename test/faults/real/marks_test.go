//go:build unix

package real

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// warmFor is the time in which a proxy grows to its size: until there is garbage to collect, and each kind of fault has happened.
	warmFor = 5 * time.Minute
	// fewMarks are too few to tell growth from chance: a proxy has more connections while the other one is away.
	fewMarks = 30
	// growthAtMost is by how much the median of the last third of the marks may be above that of the first one. Memory varies with the garbage
	// collector, and connections with the fault before.
	growthAtMost = 1.5
	// shownMarks is how many are printed.
	shownMarks = 12
)

// mark is what a proxy holds at some time of a soak, when a fault is over and all have been served again.
type mark struct {
	at     time.Time
	values map[string]float64
}

// marked are the metrics of marks, and what they mean. Some have a series for each kind.
var marked = []struct{ metric, title string }{
	{"process_resident_memory_bytes", "memory, MiB"},
	{"go_memstats_heap_inuse_bytes", "heap, MiB"},
	{"wsproxy_memory_held_bytes", "held for connections, MiB"},
	{"go_goroutines", "goroutines"},
	{"process_open_fds", "descriptors"},
	{"wsproxy_connections", "connections"},
	{"wsproxy_session_claims", "sessions"},
	{"wsproxy_kafka_clients", "Kafka clients"},
	{series, "series"},
}

// series is the number of series of all metrics.
const series = "series"

// marks are of the replica that no fault of a soak restarts.
type marks struct{ all []mark }

// lasting is the replica that no fault of a soak restarts.
const lasting = 0

// mortal chooses a replica to restart.
func mortal(among int, choose func(int) int) int {
	if *soak == 0 {
		return choose(among)
	}
	return lasting + 1 + choose(among-1)
}

// take adds a mark.
func (m *marks) take(f *fleet) {
	f.t.Helper()
	if *soak == 0 {
		return
	}
	_, management, _ := f.process(lasting).Addresses()
	answer, err := http.Get("http://" + management + "/metrics")
	must(f.t, err)
	defer answer.Body.Close()
	one := mark{time.Now(), make(map[string]float64)}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		must(f.t, err)
		one.values[line[:strings.IndexAny(line, "{ ")]] += value
		one.values[series]++
	}
	m.all = append(m.all, one)
}

// judge fails the test where the replica has grown.
func (m *marks) judge(t testing.TB) {
	t.Helper()
	if *soak == 0 {
		return
	}
	t.Logf("\n%s", m)
	grown, judged := m.grown()
	for _, one := range grown {
		t.Error(one)
	}
	if !judged {
		t.Logf("growth is not judged: there are too few of %d marks after the first %v", len(m.all), warmFor)
	}
}

// grown says of what the replica has more in the last third of the time than in the first one, once it has grown to its size. It is
// not judged by few marks.
func (m *marks) grown() (grown []string, judged bool) {
	warm := m.all
	for len(warm) > 0 && warm[0].at.Sub(m.all[0].at) < warmFor {
		warm = warm[1:]
	}
	if len(warm) < fewMarks {
		return nil, false
	}
	third := len(warm) / 3
	for _, of := range marked {
		first, last := median(warm[:third], of.metric), median(warm[len(warm)-third:], of.metric)
		if last > first*growthAtMost && last-first > slackOf(of.title) {
			grown = append(grown, fmt.Sprintf("%s: %.1f in the first third of the time, %.1f in the last", of.title, scaled(first, of.title), scaled(last, of.title)))
		}
	}
	return grown, true
}

func median(some []mark, metric string) float64 {
	var all []float64
	for _, one := range some {
		all = append(all, one.values[metric])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// slackOf is a growth that is none: one connection more, or one read buffer.
func slackOf(title string) float64 {
	if inMiB(title) {
		return 16 << 20
	}
	return 30
}

func inMiB(title string) bool { return strings.HasSuffix(title, "MiB") }

func scaled(value float64, title string) float64 {
	if inMiB(title) {
		return value / (1 << 20)
	}
	return value
}

// String is a table in Markdown, of marks at about the same distances.
func (m *marks) String() string {
	var b strings.Builder
	b.WriteString("| after |")
	for _, of := range marked {
		fmt.Fprintf(&b, " %s |", of.title)
	}
	b.WriteString("\n|--:|" + strings.Repeat("--:|", len(marked)) + "\n")
	every := max(1, len(m.all)/shownMarks)
	for i := 0; i < len(m.all); i += every {
		fmt.Fprintf(&b, "| %v |", m.all[i].at.Sub(m.all[0].at).Round(time.Second))
		for _, of := range marked {
			fmt.Fprintf(&b, " %.0f |", scaled(m.all[i].values[of.metric], of.title))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
