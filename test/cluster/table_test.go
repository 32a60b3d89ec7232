//go:build cluster

package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
)

// table is what a run is kept by: a row for each part, with what clients saw.
type table struct{ rows []*row }

type row struct {
	part   string
	seen   []string
	closes map[string]int // nil where the part has no sockets
	away   time.Duration  // the longest that a client was
	report *checker.Report
}

func (b *table) begin(part string) { b.rows = append(b.rows, &row{part: part}) }

func (b *table) last() *row { return b.rows[len(b.rows)-1] }

// note logs what was seen in the present part, and keeps it for its row.
func (b *table) note(t *testing.T, format string, arguments ...any) {
	t.Helper()
	text := fmt.Sprintf(format, arguments...)
	t.Log(text)
	b.last().seen = append(b.last().seen, text)
}

// judged keeps what the clients of a load saw, for the present part's row.
func (b *table) judged(l *load, report *checker.Report) {
	r := b.last()
	r.closes, r.report = l.closes, report
	if away, _ := absences(l.moves); len(away) > 0 {
		r.away = away[len(away)-1]
	}
}

// String returns the table in Markdown.
func (b *table) String() string {
	var text strings.Builder
	text.WriteString("| part | seen | closes | longest away | acknowledged | delivered | again | lost | skipped |\n|---|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, r := range b.rows {
		if r.seen == nil && r.closes == nil { // it was skipped
			continue
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s |\n", r.part, strings.Join(r.seen, "; "), ends(r.closes), r.longest(), r.counts())
	}
	return text.String()
}

func (r *row) longest() string {
	if r.away == 0 {
		return ""
	}
	return r.away.Round(10 * time.Millisecond).String()
}

func (r *row) counts() string {
	if r.report == nil {
		return " | | | | "
	}
	return fmt.Sprintf("%d | %d | %d | %d | %d", r.report.Answered, r.report.Delivered, r.report.Duplicates, lost(r.report), skipped(r.report))
}

func lost(r *checker.Report) int { return r.Count(checker.Missing) }

func skipped(r *checker.Report) int { return r.Count(checker.Skipped) + r.Count(checker.Undelivered) }

// ends lists closes by their status.
func ends(closes map[string]int) string {
	if closes == nil {
		return ""
	}
	var each []string
	for _, code := range slices.Sorted(maps.Keys(closes)) {
		name := code
		if code == "" {
			name = "cut"
		}
		each = append(each, fmt.Sprintf("%d × %s", closes[code], name))
	}
	if each == nil {
		return "none"
	}
	return strings.Join(each, ", ")
}
