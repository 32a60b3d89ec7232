package readme

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestThreatsAreTested looks for the tests that the table of threats names, and that every threat
// has one.
func TestThreatsAreTested(t *testing.T) {
	_, table, found := strings.Cut(read(t, "SECURITY.md"), "|---|---|---|---|\n")
	if !found {
		t.Fatal("there is no table of threats")
	}
	there, name, rows := testNames(t), regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`"), 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 {
			break // the table has ended
		}
		rows++
		if len(cells) != 6 {
			t.Errorf("%d cells: %s", len(cells)-2, line)
			continue
		}
		tests := name.FindAllStringSubmatch(cells[4], -1)
		if len(tests) == 0 {
			t.Errorf("no test is named for: %s", cells[2])
		}
		for _, test := range tests {
			if !there[test[1]] {
				t.Errorf("there is no %s", test[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("the table has %d rows", rows)
	}
}

// testNames are the names of all tests and fuzz targets of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names, declared := map[string]bool{}, regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.[TF]\)`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range declared.FindAllStringSubmatch(string(source), -1) {
			names[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
