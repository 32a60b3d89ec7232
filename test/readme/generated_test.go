package readme

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// TestGenerated compares the parts of the pages and of the specifications that are made from
// the code, and the lines that pages point at. With -update it writes them.
func TestGenerated(t *testing.T) {
	const begin, end = "<!-- generated: %s -->", "<!-- end -->"
	for _, file := range []struct {
		path, begin, end string // begin is followed by the part's name
		parts            map[string]string
	}{
		{configuration, begin, end, map[string]string{"config": configTable(t)}},
		{faults, begin, end, map[string]string{"errors": errorTable(t), "closes": closeTable(t)}},
		{observability, begin, end, map[string]string{"metrics": metricTable(t)}},
		{architecture, begin, end, nil},
		{"api/openapi.yaml", "# generated: %s", "# end", map[string]string{
			"codes": errorCodes(t), "schemas": avroExamples(t),
		}},
		{"api/asyncapi.yaml", "# generated: %s", "# end", map[string]string{
			"codes":           errorCodes(t) + retriableCodes() + closeCodes(t),
			"producer/record": avroSchema(t, 10, "producer/record"), "producer/result": avroSchema(t, 10, "producer/result"),
			"consumer/record": avroSchema(t, 10, "consumer/record"), "consumer/commit": avroSchema(t, 10, "consumer/commit"),
		}},
	} {
		text := read(t, file.path)
		made := pointed(t, file.path, text)
		for name, want := range file.parts {
			made = generate(t, made, fmt.Sprintf(file.begin, name), want, file.end)
		}
		if made == text {
			continue
		}
		if !*update {
			t.Errorf("%s is not what the code says: go test ./test/readme -run Generated -update", file.path)
			continue
		}
		if err := os.WriteFile(inRoot(file.path), []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// generate puts a part of a text, between its two lines, in the place of what stands there.
func generate(t *testing.T, text, begin, part, end string) string {
	t.Helper()
	lines := regexp.MustCompile(`(?sm)(^ *` + regexp.QuoteMeta(begin) + `\n)(.*?)(^ *` + regexp.QuoteMeta(end) + `$)`)
	found := lines.FindStringSubmatchIndex(text)
	if found == nil {
		t.Fatalf("there is no part %q", begin)
	}
	return text[:found[3]] + part + text[found[6]:]
}

// TestReliability looks at the records of runs, which test/faults/real writes.
func TestReliability(t *testing.T) {
	for _, part := range []string{"reliability", "brokers"} {
		record := regexp.MustCompile(`<!-- generated: ` + part + ` -->\nRun of \d{4}-\d\d-\d\d at commit [0-9a-f]+\b.*\n\n(\|.*\n)+` +
			`\| \*\*all\*\* \|( \d+ \|){5}( \d+\.\d s \|){2} 0 \|\n<!-- end -->`)
		if !record.MatchString(read(t, reliability)) {
			t.Errorf("%s has no record of a run %q without violations: go test ./test/faults/real -update", reliability, part)
		}
	}
	for _, part := range []string{"rollout", "outage"} {
		record := regexp.MustCompile(`<!-- generated: ` + part + ` -->\nRun of \d{4}-\d\d-\d\d at commit [0-9a-f]+\b.*\n\n(\|.*\n)+\| violations \| 0 \|\n<!-- end -->`)
		if !record.MatchString(read(t, reliability)) {
			t.Errorf("%s has no record of a run %q without violations: go test ./test/faults/real -run TestLongTails -update", reliability, part)
		}
	}
}

func configTable(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	if err := app.ConfigMarkdown(&table); err != nil {
		t.Fatal(err)
	}
	return table.String()
}

var (
	description = regexp.MustCompile(`^Desc\{fqName: "(wsproxy_[^"]+)", help: "([^"]*)", .*constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)
	fixed       = regexp.MustCompile(`"[^"]*"`) // a label's value
	labelName   = regexp.MustCompile(`[a-z_]+`)
	// unused are metrics that kprom registers and fills on demand only.
	unused = regexp.MustCompile(`^wsproxy_kafka_((read|write)_(time|wait)_seconds|fetch_.*|produce_(records|compressed_bytes)_total)$`)
)

// metricTable lists the proxy's own metrics, by their names.
func metricTable(t *testing.T) string {
	t.Helper()
	var rows []string
	for _, d := range registered(t) {
		match := description.FindStringSubmatch(d)
		if len(match) == 0 || unused.MatchString(match[1]) {
			continue
		}
		var labels []string
		for _, label := range labelName.FindAllString(fixed.ReplaceAllString(match[3], "")+","+match[4], -1) {
			labels = append(labels, "`"+label+"`")
		}
		rows = append(rows, "| `"+match[1]+"` | "+strings.Join(labels, " ")+" | "+strings.TrimSuffix(match[2], ".")+". |\n")
	}
	if len(rows) < 10 {
		t.Fatalf("found %d metrics", len(rows))
	}
	slices.Sort(rows)
	rows = slices.Compact(rows) // those of the kinds of Kafka client
	return "| metric | labels | |\n|---|---|---|\n" + strings.Join(rows, "")
}

// registered describes what is in the registry of a proxy.
func registered(t *testing.T) []string {
	t.Helper()
	settings, err := app.NewConfig(
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=127.0.0.1:1", "WSPROXY_BIND_INTERFACE=127.0.0.1",
		"WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0", "WSPROXY_DRAIN_DELAY=0s",
	)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	a, err := app.Start(app.Options{Registry: registry, Config: settings})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Shutdown()
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		registry.Describe(descriptions)
	}()
	var all []string
	for d := range descriptions {
		all = append(all, d.String())
	}
	return all
}
