package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// result is one line of what bench has measured.
type result struct {
	Name    string  `json:"name"`
	Records int     `json:"records"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"recordsPerSecond"`
	MB      float64 `json:"megabytesPerSecond"` // of values, 10^6 bytes
	Waits   *waits  `json:"milliseconds,omitempty"`
}

// waits are percentiles in milliseconds.
type waits struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Most float64 `json:"max"`
}

// result sums a part up. h may be nil.
func (m *measuring) result(name string, records int, took time.Duration, h *histogram) result {
	seconds := max(took, time.Nanosecond).Seconds()
	r := result{Name: name, Records: records, Seconds: seconds, Rate: float64(records) / seconds}
	r.MB = r.Rate * float64(m.flags.size) / 1e6
	if h != nil {
		of := func(fraction float64) float64 { return float64(h.percentile(fraction)) / float64(time.Millisecond) }
		r.Waits = &waits{of(0.5), of(0.9), of(0.99), of(0.999), of(1)}
	}
	return r
}

func printResults(w io.Writer, results []result, asJSON bool) error {
	if asJSON {
		text, err := json.MarshalIndent(results, "", "  ")
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", text)
		}
		return err //nolint:wrapcheck // of standard output
	}
	rows := [][]string{{"", "RECORDS", "PER SECOND", "MB/S", "P50 MS", "P90", "P99", "P99.9", "MAX"}}
	for _, r := range results {
		row := []string{r.Name, strconv.Itoa(r.Records), strconv.FormatFloat(r.Rate, 'f', 0, 64), strconv.FormatFloat(r.MB, 'f', 1, 64)}
		if r.Waits != nil {
			for _, ms := range []float64{r.Waits.P50, r.Waits.P90, r.Waits.P99, r.Waits.P999, r.Waits.Most} {
				row = append(row, strconv.FormatFloat(ms, 'f', 2, 64))
			}
		}
		rows = append(rows, row)
	}
	return printTable(w, rows)
}
