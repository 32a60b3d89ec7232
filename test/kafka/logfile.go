package kafka

import (
	"bytes"
	"os"
	"strings"
)

// tailLines is how much of a log an error or a failed test shows.
const tailLines = 40

// tail returns the last lines of a text.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// readFrom returns what a file holds from an offset on.
func readFrom(path string, offset int64) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return text[min(offset, int64(len(text))):], nil
}

// contains says whether a file holds the words after an offset.
func contains(path string, offset int64, words string) bool {
	text, err := readFrom(path, offset)
	return err == nil && bytes.Contains(text, []byte(words))
}
