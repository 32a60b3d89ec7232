package console

import (
	"bytes"
	"strings"
)

// bare returns a module of ours, or the style sheet, without indentation and without the lines that are comments alone: these are for who
// reads the sources, and are a tenth of what would be sent. Empty lines take the places of comments, so that what a browser says of a line is
// true of the sources. So a template in a module must not have a line that begins with two slashes, nor one of which the spaces at
// its begin matter: those of HTML do not. Other files are returned as they are.
func bare(name string, content []byte) []byte {
	if !strings.HasPrefix(name, "js/") && !strings.HasSuffix(name, ".css") {
		return content
	}
	lines := bytes.Split(content, []byte("\n"))
	for i, line := range lines {
		lines[i] = bytes.TrimLeft(line, " ")
		if bytes.HasPrefix(lines[i], []byte("//")) {
			lines[i] = nil
		}
	}
	return bytes.Join(lines, []byte("\n"))
}
