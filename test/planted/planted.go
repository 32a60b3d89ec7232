// Package planted breaks a copy of a source file, for tests that show that others would notice.
package planted

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Overlay writes a copy of a source file with one text replaced, which must occur once, and
// returns the file for go's -overlay that puts it in place of the original.
func Overlay(t *testing.T, file, old, with string) string {
	t.Helper()
	original, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), old); n != 1 {
		t.Fatalf("%s holds %q %d times: the bug that is planted must be brought up to date", file, old, n)
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, filepath.Base(file))
	overlay := filepath.Join(dir, "overlay.json")
	content, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string][]byte{mutant: []byte(strings.Replace(string(source), old, with, 1)), overlay: content} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}
