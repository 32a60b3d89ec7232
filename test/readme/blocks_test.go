package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readmePath is the README, from this folder.
var readmePath = filepath.Join("..", "..", "README.md")

// block is a fenced block. Its info string is a language and, in this README, what the tests
// do with it.
type block struct{ info, text string }

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func blocks(t *testing.T) []block {
	t.Helper()
	parts := strings.Split(readme(t), "\n```")
	if len(parts)%2 == 0 {
		t.Fatal("a fence is not closed")
	}
	var all []block
	for i := 1; i < len(parts); i += 2 {
		info, text, _ := strings.Cut(parts[i], "\n")
		all = append(all, block{info, text})
	}
	return all
}

// TestEveryBlockIsTested keeps blocks out that no test looks at.
func TestEveryBlockIsTested(t *testing.T) {
	var infos []string
	for _, b := range blocks(t) {
		infos = append(infos, b.info)
	}
	want := []string{
		"sh server", "js client", "sh in", "json typed", "json answer", "sh out", "sh", "sh serve", "sh dry",
		"json in", "json answer", "json in", "json error", "json out", "json commit", "python avro",
		"sh", "json body", "yaml policy", "sh policy", "yaml tenants", "yaml limits", "sh limits", "sh", "json body", "json offsets", "sh", "text", "text",
	}
	if !slices.Equal(infos, want) {
		t.Errorf("the blocks are\n%q, the tests know\n%q", infos, want)
	}
}

// TestLinks looks for the files that the README points at.
func TestLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(readme(t), -1)
	if len(links) < 5 {
		t.Fatalf("found %d links", len(links))
	}
	for _, link := range links {
		if strings.HasPrefix(link[1], "http") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", "..", link[1])); err != nil {
			t.Errorf("%s: %v", link[1], err)
		}
	}
}

// TestPackages looks for each package in the picture.
func TestPackages(t *testing.T) {
	picture := ""
	for _, b := range blocks(t) {
		if b.info == "text" && picture == "" {
			picture = b.text
		}
	}
	for _, folder := range []string{"../../pkg", "../../pkg/internal"} {
		entries, err := os.ReadDir(folder)
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
