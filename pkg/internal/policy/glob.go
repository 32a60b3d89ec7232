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

// slash stands for a slash, which names may contain, and path.Match takes for a separator. It is no
// letter: Unicode has set it aside, and a name that holds it all the same is matched by no *.
const slash = "\uFFFE"

// flatten hides slashes. What stands for them is exchanged with them, so that no two names look alike.
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

// literal writes text as the glob that it alone matches.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}
