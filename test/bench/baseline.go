package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// mostLost is how much of a ratio a run may lose. What is less is lost and found again from one run
// to the next.
const mostLost = 0.15

// baseline is the ratios of a run that later ones are checked against. There are no absolute figures:
// those are of the machine.
type baseline struct {
	Commit    string             `json:"commit"`
	Date      string             `json:"date"`
	Processor string             `json:"processor"`
	Broker    string             `json:"broker"`
	Records   int                `json:"records"`
	Ratios    map[string]float64 `json:"ratios"`
}

// newBaseline keeps the ratios of a run, but for those of which a side was too short to be measured.
func newBaseline(h head, r *results) baseline {
	b := baseline{
		Commit: h.commit, Date: h.date.Format("2006-01-02"), Processor: h.processor,
		Broker: r.options.brokerKind(), Records: r.options.records, Ratios: make(map[string]float64),
	}
	for _, row := range r.summary() {
		if row.isRatio() && !math.IsNaN(row.value) && !math.IsInf(row.value, 0) {
			b.Ratios[row.what] = math.Round(row.value*1000) / 1000
		}
	}
	return b
}

func readBaseline(path string) (baseline, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return baseline{}, fmt.Errorf("reading the ratios to check against: %w", err)
	}
	var b baseline
	if err := json.Unmarshal(content, &b); err != nil {
		return baseline{}, fmt.Errorf("reading the ratios to check against: %s: %w", path, err)
	}
	return b, nil
}

func (b baseline) write(path string) error {
	content, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the ratios: %w", err)
	}
	return os.WriteFile(path, append(content, '\n'), 0o644)
}

// check writes a table of the ratios, then and now, and fails if one of them has lost too much, or if
// there was none to compare.
func (b baseline) check(rows []row, output io.Writer) error {
	fmt.Fprintf(output, "\nBeside commit %s, %s, %s.\n\n| what | then | now | change | |\n|---|--:|--:|--:|---|\n", b.Commit, b.Date, b.Processor)
	var lost []string
	compared := make(map[string]bool)
	for _, row := range rows {
		then, isKept := b.Ratios[row.what]
		if !row.isRatio() || !isKept {
			continue
		}
		compared[row.what] = true
		outcome := "kept"
		if row.hasLost(then) {
			outcome = "lost"
			lost = append(lost, row.what)
		}
		fmt.Fprintf(output, "| %s | %.2f | %.2f | %+.0f %% | %s |\n", row.what, then, row.value, 100*(row.value/then-1), outcome)
	}
	for _, what := range slices.Sorted(maps.Keys(b.Ratios)) {
		if !compared[what] {
			fmt.Fprintf(output, "| %s | %.2f | | | not measured |\n", what, b.Ratios[what])
		}
	}
	switch {
	case len(compared) == 0:
		return fmt.Errorf("no ratio of commit %s was measured", b.Commit)
	case len(lost) > 0:
		return fmt.Errorf("more than %.0f %% is lost: %s", 100*mostLost, strings.Join(lost, "; "))
	}
	return nil
}

// hasLost tells whether the value is worse than then by more than may be lost. What is no number is lost.
func (r row) hasLost(then float64) bool {
	if r.atMost {
		return !(r.value <= then*(1+mostLost))
	}
	return !(r.value >= then*(1-mostLost))
}
