package spec_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds each run of a tool, apart from its installation.
const patience = 2 * time.Minute

// installed returns the folder with tools of others. Where they cannot be had the test is
// skipped, or fails if REQUIRE_ALL=1.
func installed(t *testing.T, tools string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../clients/install", tools)
	var reason strings.Builder
	cmd.Stderr = &reason
	folder, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs %s: %s", tools, reason.String())
	}
	if err != nil {
		t.Fatalf("installing %s: %v\n%s", tools, err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

// judge runs a tool and returns what it printed, and whether it is content.
func judge(t *testing.T, environ []string, dir, program string, args ...string) (printed string, content bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out), err == nil
}

// document returns where a specification lies.
func document(t *testing.T, name string) string {
	t.Helper()
	return absolute(t, filepath.Join("..", "..", "api", name))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// spoiled writes a copy of a specification with faults in it, given as what is right, what is
// wrong, and so on.
func spoiled(t *testing.T, name string, faults ...string) string {
	t.Helper()
	right, err := os.ReadFile(document(t, name))
	if err != nil {
		t.Fatal(err)
	}
	wrong := string(right)
	for i := 0; i < len(faults); i += 2 {
		if !strings.Contains(wrong, faults[i]) {
			t.Fatalf("%s has no %q", name, faults[i])
		}
		wrong = strings.ReplaceAll(wrong, faults[i], faults[i+1])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
