package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The pages whose blocks are tested, from the repository's root.
const (
	front         = "README.md"
	started       = "docs/getting-started.md"
	protocol      = "docs/protocol.md"
	faults        = "docs/errors.md"
	live          = "docs/live.md"
	queues        = "docs/queues.md"
	ours          = "docs/clients.md"
	python        = "docs/python.md"
	java          = "docs/java.md"
	kotlin        = "docs/kotlin.md"
	commandLine   = "docs/command-line.md"
	security      = "docs/security.md"
	configuration = "docs/configuration.md"
	console       = "docs/console.md"
	operations    = "docs/operations.md"
	kubernetes    = "docs/kubernetes.md"
	observability = "docs/observability.md"
	performance   = "docs/performance.md"
	reliability   = "docs/reliability.md"
	architecture  = "docs/architecture.md"
)

// known are the info strings of each page's blocks, in their order. A page that is not here has none.
func known() map[string][]string {
	return map[string][]string{
		front:         {"sh server", "js client", "sh cluster"},
		started:       {"sh server", "sh in", "json typed", "json answer", "sh out", "sh", "sh serve"},
		protocol:      {"json in", "json answer", "json in", "json error", "json tombstone", "json out", "json commit", "json grant", "python avro"},
		live:          {"js live", "json gap", "json where", "json subscribe", "json subscribed", "yaml keys"},
		queues:        {"js queue", "sh dead-letters"},
		ours:          {"ts first", "ts produce", "ts tail", "ts keys", "ts map", "ts queue", "ts status"},
		python:        {"python client"},
		java:          {"java client"},
		kotlin:        {"kotlin client"},
		commandLine:   {"sh commands", "sh session", "yaml profiles", "sh work", "text bench"},
		security:      {"yaml policy", "sh policy", "yaml tenants", "sh kafka"},
		configuration: {"sh"},
		console:       {"sh console"},
		operations:    {"sh", "json body", "yaml limits", "sh limits", "sh", "json body", "json offsets"},
		kubernetes:    {"sh cluster", "sh cluster", "yaml values", "yaml pools", "yaml adapter", "sh cluster"},
		performance:   {"sh long"},
		reliability:   {"sh long", "sh long", "sh long"},
		architecture:  {"text packages", "text goroutines"},
	}
}

// block is a fenced block. Its info string is a language and what the tests do with it.
type block struct{ info, text string }

// inRoot is a path of the repository, from this folder.
func inRoot(path string) string { return filepath.Join("..", "..", filepath.FromSlash(path)) }

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(inRoot(page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages are the README and all pages of docs/.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(inRoot("docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{front}
	for _, path := range found {
		all = append(all, "docs/"+filepath.Base(path))
	}
	if len(all) < 15 {
		t.Fatalf("found %d pages", len(all))
	}
	return all
}

func blocks(t *testing.T, page string) []block {
	t.Helper()
	parts := strings.Split(read(t, page), "\n```")
	if len(parts)%2 == 0 {
		t.Fatalf("%s: a fence is not closed", page)
	}
	var all []block
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		all = append(all, block{info, text})
	}
	return all
}

// blockOf returns the text of a page's only block with an info string.
func blockOf(t *testing.T, page, info string) string {
	t.Helper()
	for _, b := range blocks(t, page) {
		if b.info == info {
			return b.text
		}
	}
	t.Fatalf("%s has no block %q", page, info)
	return ""
}

// TestEveryBlockIsTested keeps blocks out that no test looks at.
func TestEveryBlockIsTested(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		var infos []string
		for _, b := range blocks(t, page) {
			infos = append(infos, b.info)
		}
		if want := known()[page]; !slices.Equal(infos, want) {
			t.Errorf("%s: the blocks are\n%q, the tests know\n%q", page, infos, want)
		}
	}
}

// notRun are the commands that tests do not run, and why. What of them can be looked at is.
func notRun() map[string]string {
	return map[string]string{
		"sh cluster":      "needs a Kubernetes cluster, or a registry: test/cluster runs the like of it",
		"sh dead-letters": "needs an Apache Kafka and its tools: test/outside runs them",
		"sh kafka":        "needs Kafka's tools and a broker with an authorizer",
		"sh work":         "needs an Apache Kafka with share groups, and ImageMagick: test/e2e runs the like of it",
		"sh long":         "takes minutes, and the machine for itself",
	}
}

// TestCommandsThatAreNotRun looks for the files, targets and tests that they name.
func TestCommandsThatAreNotRun(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if notRun()[b.info] == "" {
				continue
			}
			for _, path := range regexp.MustCompile(`(?:\./)?\b(?:charts|deploy|test)/[\w/.-]+`).FindAllString(b.text, -1) {
				if _, err := os.Stat(inRoot(path)); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
			for _, test := range regexp.MustCompile(`-run (Test\w+)`).FindAllStringSubmatch(b.text, -1) {
				if !anyBegins(tests, test[1]) {
					t.Errorf("%s: there is no %s", page, test[1])
				}
			}
		}
	}
}

// TestTargets looks for the targets of make that documents name.
func TestTargets(t *testing.T) {
	t.Parallel()
	makefile, found := read(t, "Makefile"), 0
	for _, document := range linking(t) {
		for _, target := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(read(t, document), -1) {
			found++
			if !strings.Contains(makefile, "\n"+target[1]+":") {
				t.Errorf("%s: there is no target %s", document, target[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d targets", found)
	}
	if out := run(t, "make test --dry-run"); !strings.Contains(out, "test/tools/test") {
		t.Error(out)
	}
}

func anyBegins(names map[string]bool, prefix string) bool {
	for name := range names {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// TestTheReadmeIsShort keeps the README what somebody reads to the end.
func TestTheReadmeIsShort(t *testing.T) {
	t.Parallel()
	const most = 1500
	if words := len(strings.Fields(read(t, front))); words > most {
		t.Errorf("the README has %d words, more than %d", words, most)
	}
}

// TestPackages looks for each package in the picture of the packages.
func TestPackages(t *testing.T) {
	t.Parallel()
	picture := blockOf(t, architecture, "text packages")
	for _, folder := range []string{"pkg", "pkg/internal"} {
		entries, err := os.ReadDir(inRoot(folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if name := entry.Name(); name != "internal" && !regexp.MustCompile(`\b`+name+`\b`).MatchString(picture) {
				t.Errorf("the picture lacks %s/%s", folder, name)
			}
		}
	}
}

// TestSettingsExist looks for the settings that pages name. What migration.md has in the first cell of a
// row may be another program's.
func TestSettingsExist(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	name := regexp.MustCompile(`WSPROXY_[A-Z0-9_]*[A-Z0-9]`)
	for _, setting := range name.FindAllString(configTable(t), -1) {
		exists[setting], exists[setting+"_FILE"] = true, true
	}
	for _, variable := range []string{"WSPROXY_URL", "WSPROXY_ADMIN_URL", "WSPROXY_USER", "WSPROXY_PASSWORD", "WSPROXY_TOKEN", "WSPROXY_PROFILE", "WSPROXY_PROFILES"} {
		exists[variable] = true
	}
	theirs := regexp.MustCompile("(?m)^\\| `WSPROXY_[^|]*\\|")
	for _, page := range append(pages(t), "SECURITY.md", "CONTRIBUTING.md", "deploy/README.md", "charts/wsproxy/README.md") {
		text := read(t, page)
		if page == "docs/migration.md" {
			text = theirs.ReplaceAllString(text, "")
		}
		for _, setting := range name.FindAllString(text, -1) {
			if !exists[setting] {
				t.Errorf("%s: there is no setting %s", page, setting)
			}
		}
	}
}
