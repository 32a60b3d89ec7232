package policy

import (
	"path"
	"strings"
)

// Matches compares a name with globs, in which * stands for any letters, ? for one, and [ ] for one
// of several.
func Matches(globs []string, name string) bool {
	flat := flatten(name)
	for _, glob := range globs {
		if matches(flatten(glob), flat) {
			return true
		}
	}
	return false
}

// matches compares a name with a glob, both flattened.
func matches(glob, name string) bool {
	ok, err := path.Match(glob, name)
	return ok && err == nil
}

// slash replaces a slash, which names may contain, but which path.Match takes for a separator. It is a
// Unicode noncharacter. No * matches a name that holds it all the same.
const slash = "\uFFFE"

// flatten replaces slashes by slash, and slash by slashes, so that no two names become equal.
func flatten(text string) string {
	if !strings.Contains(text, "/") && !strings.Contains(text, slash) {
		return text
	}
	return strings.NewReplacer("/", slash, slash, "/").Replace(text)
}

// isGlob tells whether Matches understands a glob.
func isGlob(text string) bool {
	_, err := path.Match(flatten(text), "")
	return err == nil
}

// literal returns the glob that matches only text.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}
