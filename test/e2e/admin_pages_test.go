package e2e

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// pages follows the pages of a list in the admin API, the first of which is at path. It returns their
// entries by id, and fails the test if a page has more than limit.
func pages[T any](t *testing.T, p *proxy, path string, limit int, id func(T) string) (ids []string) {
	t.Helper()
	next := regexp.MustCompile(`^<([^>]*)>; rel="next"$`)
	for path != "" {
		res := p.admin(t, http.MethodGet, path, "")
		if res.status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, res.status, res.body)
		}
		list := parse[[]T](t, res.body)
		if len(list) > limit {
			t.Errorf("%s has %d entries", path, len(list))
		}
		for _, entry := range list {
			ids = append(ids, id(entry))
		}
		link := res.header.Get("Link")
		found := next.FindStringSubmatch(link)
		if link != "" && (found == nil || len(list) == 0) {
			t.Fatalf("%s has %d entries and the link %q", path, len(list), link)
		}
		path = strings.Join(found[min(1, len(found)):], "")
	}
	return ids
}
