//go:build unix

package real

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
)

// lines are the rows of a table: what was seen, and how much.
type lines struct{ strings.Builder }

func newLines() *lines {
	l := &lines{}
	l.WriteString("| | |\n|---|--:|\n")
	return l
}

func (l *lines) add(what, format string, args ...any) {
	fmt.Fprintf(l, "| %s | %s |\n", what, fmt.Sprintf(format, args...))
}

// addCrowd adds what a crowd saw.
func (l *lines) addCrowd(f *figures, report *checker.Report) {
	l.add("records written", "%d", f.written)
	l.add("records given to tails", "%d", f.given)
	l.add("a record's way to a tail, from its sending: half of them within", "%v", brief(f.wait(0.5)))
	l.add("99 % of them within", "%v", brief(f.wait(0.99)))
	l.add("the longest that a tail waited for a record of its own", "%v", brief(f.wait(1)))
	l.add("the longest silence of a tail that reads all", "%v", brief(f.silence))
	l.add("gaps", "%d", f.gaps)
	l.add("violations", "%d", len(report.Violations))
}

// brief rounds for a reader.
func brief(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Millisecond)
}

// load is the machine's load average, as far as it is known.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:2], " ")
}
