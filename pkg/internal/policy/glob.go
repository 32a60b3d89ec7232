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
		if ok, err := path.Match(flatten(glob), flat); ok && err == nil {
			return true
		}
	}
	return false
}

// flatten hides slashes, which names may contain, and path.Match takes for separators.
func flatten(text string) string { return strings.ReplaceAll(text, "/", "\x00") }

// isGlob tells whether Matches understands a glob.
func isGlob(text string) bool {
	_, err := path.Match(flatten(text), "")
	return err == nil
}
