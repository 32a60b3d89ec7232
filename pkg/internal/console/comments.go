package console

import (
	"bytes"
	"strings"
)

// bare returns a module of ours without the lines that are comments alone: these are for who reads the sources, and are a
// tenth of what would be sent. Empty lines take their places, so that what a browser says of a line is true of the
// sources. So a template in a module must not have a line that begins with two slashes. Other files are returned as they
// are.
func bare(name string, content []byte) []byte {
	if !strings.HasPrefix(name, "js/") {
		return content
	}
	lines := bytes.Split(content, []byte("\n"))
	for i, line := range lines {
		if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("//")) {
			lines[i] = nil
		}
	}
	return bytes.Join(lines, []byte("\n"))
}
