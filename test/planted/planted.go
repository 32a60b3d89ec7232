// Package planted breaks a copy of a source file, for tests that show that others would notice.
package planted

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Noticed builds the tests of the package in this folder with one text of a file replaced, see [Overlay], and runs them
// with flags of the test program. It returns whether one of them has failed, and what was printed. It is an error if
// the program fails in another way.
func Noticed(t *testing.T, file, old, with string, flags ...string) (noticed bool, out string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tests")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", Overlay(t, file, old, with), "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	printed, err := exec.CommandContext(t.Context(), program, append(flags, "-test.failfast", "-test.timeout=5m")...).CombinedOutput()
	out = string(printed)
	if err != nil && !strings.Contains(out, "--- FAIL: Test") {
		t.Errorf("it failed in another way: %v\n%s", err, out)
	}
	return err != nil, out
}

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
