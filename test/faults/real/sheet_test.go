//go:build unix

package real

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// nobody is the fault of the time before the first and after the last.
const nobody = "none (start and end)"

// span is the time that belongs to a fault: from its beginning to that of the next.
type span struct {
	fault  string
	from   time.Time
	stalls stalls
}

// stalls are how long it took, once a fault was over, until all were served.
type stalls struct {
	answers time.Duration // until each producer had an answer
	records time.Duration // until consumers had committed all that was in the log by then; or until workers had new records
}

func (s stalls) most(o stalls) stalls {
	return stalls{max(s.answers, o.answers), max(s.records, o.records)}
}

// seconds are of a duration, for a table.
func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// row is what happened in the time of a fault.
type row struct {
	times, sent, answered, delivered, duplicates, violations int
	worst                                                    stalls
}

// sheet is what happened in a run.
type sheet struct {
	kinds []fault
	rows  map[string]*row
}

func count(kinds []fault, spans []span, events []history.Event, violations []checker.Violation) *sheet {
	s := &sheet{kinds: kinds, rows: make(map[string]*row)}
	for _, one := range spans {
		if s.rows[one.fault] == nil {
			s.rows[one.fault] = &row{}
		}
		if one.fault != nobody {
			s.rows[one.fault].times++
		}
		s.rows[one.fault].worst = s.rows[one.fault].worst.most(one.stalls)
	}
	at := func(when time.Time) *row { return s.rows[faultAt(spans, when)] }
	had := make(map[string]bool)
	for i := range events {
		at(events[i].At).add(&events[i], had)
	}
	for i := range violations {
		at(violations[i].At).violations++
	}
	return s
}

func (r *row) add(e *history.Event, had map[string]bool) {
	switch e.Kind {
	case history.Send:
		r.sent++
	case history.Answer:
		if e.Code == "" {
			r.answered++
		}
	case history.Delivery:
		delivery := e.Group + " " + e.Content // offsets come again with each instance of the topic
		if had[delivery] {
			r.duplicates++
			return
		}
		had[delivery] = true
		r.delivered++
	default:
	}
}

// String is the table, in Markdown.
func (s *sheet) String() string {
	var b strings.Builder
	b.WriteString("| fault | times | sent | answered | delivered | duplicates | longest until all had answers | until all was committed | violations |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	var sum row
	for _, f := range append([]fault{{name: nobody}}, s.kinds...) {
		r := s.rows[f.name]
		if r == nil {
			continue
		}
		r.write(&b, f.name)
		sum = row{
			sum.times + r.times, sum.sent + r.sent, sum.answered + r.answered, sum.delivered + r.delivered,
			sum.duplicates + r.duplicates, sum.violations + r.violations, sum.worst.most(r.worst),
		}
	}
	sum.write(&b, "**all**")
	return b.String()
}

func (r *row) write(b *strings.Builder, name string) {
	fmt.Fprintf(b, "| %s | %d | %d | %d | %d | %d | %s | %s | %d |\n", name, r.times, r.sent, r.answered, r.delivered, r.duplicates,
		seconds(r.worst.answers), seconds(r.worst.records), r.violations)
}

// record writes what happened, and in which run, into a part of docs/reliability.md.
func record(ctx context.Context, part, run, table string) error {
	commit, err := revision(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join("..", "..", "..", "docs", "reliability.md")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	lines := regexp.MustCompile(`(?s)(<!-- generated: ` + part + ` -->\n)(.*?)(<!-- end -->)`)
	found := lines.FindSubmatch(text)
	if found == nil {
		return fmt.Errorf("docs/reliability.md has no part %q", part)
	}
	written := fmt.Sprintf("Run of %s at commit %s: %s.\n\n%s", time.Now().UTC().Format(time.DateOnly), commit, run, table)
	text = lines.ReplaceAllLiteral(text, []byte(string(found[1])+written+string(found[3])))
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// revision is the commit of what was tested, and whether it was changed since.
func revision(ctx context.Context) (string, error) {
	commit, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "", fmt.Errorf("asking for the commit: %w", err)
	}
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", ":/cmd", ":/pkg", ":/go.mod").Output()
	if err != nil {
		return "", fmt.Errorf("asking for changes: %w", err)
	}
	name := strings.TrimSpace(string(commit))
	if len(changed) > 0 {
		name += ", with changes"
	}
	return name, nil
}
