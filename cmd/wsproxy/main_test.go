package main_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestSignal builds the program, runs it and ends it as a container's runtime does: the open
// socket is closed with 1012 and the exit code is 0.
func TestSignal(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	program := filepath.Join(t.TempDir(), "wsproxy")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) { testSignal(ctx, t, program, signal) })
	}
}

func testSignal(ctx context.Context, t *testing.T, program string, signal syscall.Signal) {
	t.Helper()
	cmd := exec.CommandContext(ctx, program, "dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	address := regexp.MustCompile(`'(ws://\S+/socket/in\S+)'`)
	var url string
	for lines := bufio.NewScanner(stdout); url == "" && lines.Scan(); {
		if match := address.FindStringSubmatch(lines.Text()); match != nil {
			url = match[1]
		}
	}
	c, answer, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err, answer)
	}
	defer func() { _ = c.CloseNow() }()
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("the socket ends with %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the program ends with %v", err)
	}
}

// TestExitCode is what the shell sees of a mistake.
func TestExitCode(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "run", ".", "nonsense")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !regexp.MustCompile(`(?m)^exit status 2$`).Match(out) {
		t.Errorf("got %v\n%s", err, out)
	}
}
