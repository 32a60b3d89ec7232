package readme

import (
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// inRepository begins the addresses of this repository's files.
const inRepository = "https://github.com/wsproxy/kafka-websocket-proxy/blob/main/"

var (
	fenced  = regexp.MustCompile("(?s)(?:^|\n) *```.*?\n *```")
	linked  = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	inText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	// ofCode is a link to a function or type, as [`T.F`](path.go#L12).
	ofCode = regexp.MustCompile("\\[`([\\w.]+)`\\]\\(([^)#]+\\.go)#L(\\d+)\\)")
)

// linking are the documents whose links are looked at.
func linking(t *testing.T) []string {
	t.Helper()
	return append(pages(t), "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "charts/wsproxy/README.md")
}

// TestLinks looks for what documents point at in this repository: the file, and the heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	found := 0
	for _, document := range linking(t) {
		text := fenced.ReplaceAllString(read(t, document), "")
		for _, match := range linked.FindAllStringSubmatch(text, -1) {
			found++
			if err := resolve(t, document, match[1]+match[2]); err != nil {
				t.Errorf("%s: %s: %v", document, match[1]+match[2], err)
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d links", found)
	}
}

// resolve looks for the target of a link. Addresses of others are not asked for.
func resolve(t *testing.T, document, link string) error {
	t.Helper()
	link, own := strings.CutPrefix(link, inRepository)
	if !own && regexp.MustCompile(`^[a-z]+:`).MatchString(link) {
		return nil
	}
	target, fragment, _ := strings.Cut(link, "#")
	switch {
	case target == "":
		target = document
	case !own:
		target = path.Join(path.Dir(document), target)
	}
	if _, err := os.Stat(inRoot(target)); err != nil {
		return errors.New("there is no such file")
	}
	if strings.HasSuffix(target, ".md") && fragment != "" && !anchors(read(t, target))[fragment] {
		return errors.New("there is no such heading")
	}
	return nil
}

// anchors are the fragments that GitHub gives to a document's headings.
func anchors(text string) map[string]bool {
	all, seen := map[string]bool{}, map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		title := strings.ToLower(inText.ReplaceAllString(match[1], "$1"))
		anchor := strings.ReplaceAll(regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(title, ""), " ", "-")
		if n := seen[anchor]; n > 0 {
			all[fmt.Sprintf("%s-%d", anchor, n)] = true
		}
		seen[anchor]++
		all[anchor] = true
	}
	return all
}

// pointed puts the lines into the links of a page to functions and types.
func pointed(t *testing.T, page, text string) string {
	t.Helper()
	return ofCode.ReplaceAllStringFunc(text, func(link string) string {
		match := ofCode.FindStringSubmatch(link)
		line, err := declared(read(t, path.Join(path.Dir(page), match[2])), match[1])
		if err != nil {
			t.Errorf("%s: %s: %v", page, link, err)
		}
		return "[`" + match[1] + "`](" + match[2] + "#L" + strconv.Itoa(line) + ")"
	})
}

// declared returns the line in which a source declares a function, or a method as T.F.
func declared(source, name string) (int, error) {
	start := `(func|type) ` + name + `\b`
	if receiver, method, ok := strings.Cut(name, "."); ok {
		start = `func \(\w+ \*?` + receiver + `\) ` + method + `\(`
	}
	found := regexp.MustCompile(`(?m)^` + start).FindStringIndex(source)
	if found == nil {
		return 0, errors.New("it is not declared there")
	}
	return strings.Count(source[:found[0]], "\n") + 1, nil
}
