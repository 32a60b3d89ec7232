package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLongRunQueue takes the way of a whole run, with few workers and records: the figures mean nothing.
func TestLongRunQueue(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "table.md")
	args := []string{
		queueCommand, "--embedded", "--scale", "0.02", "--window", "300ms", "--idle", "100ms", "--records", "50000", "--out-file", file,
	}
	var output, messages bytes.Buffer
	if err := runAny(ctx, args, &output, &messages); err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	table, err := os.ReadFile(file)
	if err != nil || string(table) != output.String() {
		t.Errorf("the file has %q (%v)", table, err)
	}
	for _, what := range []string{settledRate, settledCPU, inHand, afterReset, afterKill, idleWorker} {
		if !strings.Contains(output.String(), "| "+what+" |") {
			t.Errorf("%q is missing in\n%s", what, output.String())
		}
	}
}

func TestParseQueueRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"a row that is none": {"--rows", "flow,x"}, "no rounds": {"--rounds", "0"}, "no window": {"--window", "0s"}, "arguments": {"x"},
	} {
		if _, err := parseQueue(args, new(bytes.Buffer)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
