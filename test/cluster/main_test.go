//go:build cluster

package cluster

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// longest is what one command may take.
const longest = 5 * time.Minute

// execute runs a command and returns what it prints.
func execute(ctx context.Context, words ...string) (stdout, all string, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	var printed, both bytes.Buffer
	c.Stdout, c.Stderr = io.MultiWriter(&printed, &both), &both
	err = c.Run()
	return strings.TrimSpace(printed.String()), both.String(), err
}

// words returns a program and arguments as the environment has them under a name.
func words(name, otherwise string) []string {
	return strings.Fields(cmp.Or(os.Getenv(name), otherwise))
}

// command runs kubectl or helm in the test's namespace and returns what it prints.
func command(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	line := append(words(strings.ToUpper(program), program), "--namespace", namespace)
	line = append(line, arguments...)
	printed, all, err := execute(context.WithoutCancel(t.Context()), line...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(line, " "), err, all)
	}
	return printed
}

func kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	return command(t, "kubectl", arguments...)
}

// given runs a command that the environment names.
func given(t *testing.T, name string, arguments ...string) {
	t.Helper()
	line := append(words(name, ""), arguments...)
	if _, all, err := execute(context.WithoutCancel(t.Context()), line...); err != nil {
		t.Fatalf("%s: %s: %v\n%s", name, strings.Join(line, " "), err, all)
	}
}

// need skips a test that lacks something in the environment.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if os.Getenv(name) == "" {
			t.Skipf("%s is not given", name)
		}
	}
}
