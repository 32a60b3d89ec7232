package cli_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

// pseudoTerminal returns both ends of a pseudo-terminal: what somebody types into and sees, and what a program is given.
func pseudoTerminal(t *testing.T) (typed, terminal *os.File) {
	t.Helper()
	typed, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = typed.Close() })
	if err := unix.IoctlSetPointerInt(int(typed.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(typed.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return typed, terminal
}

// desktop is an environment with a program that would open a browser, and returns the file to which that writes what it opens.
func desktop(t *testing.T) (opened string) {
	t.Helper()
	folder := t.TempDir()
	opened = filepath.Join(folder, "opened")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1\" >> '%s'\n", opened)
	if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("DISPLAY", ":0")
	return opened
}

// onTerminal runs dev on a terminal, and returns what it has shown, and what waits for its end.
func onTerminal(ctx context.Context, t *testing.T, terminal, typed *os.File) (shown *output, ended func() int) {
	t.Helper()
	shown = &output{}
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		_, _ = io.Copy(shown, typed) // until the terminal is closed
	}()
	code := make(chan int, 1)
	args := []string{"dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet"}
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: args, Stdin: terminal, Stdout: terminal, Stderr: io.Discard})
	}()
	return shown, func() int {
		got := <-code
		_ = terminal.Close()
		<-seen
		return got
	}
}

// TestDevOffersABrowser presses Enter on the terminal of a desktop twice, which opens the console twice.
func TestDevOffersABrowser(t *testing.T) {
	setEnvironment(t, nil)
	opened := desktop(t)
	typed, terminal := pseudoTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	shown, ended := onTerminal(ctx, t, terminal, typed)
	await(t, "the offer", func() bool { return strings.Contains(shown.String(), "Press Enter to open the console in a browser.") })
	for i := range 2 {
		if _, err := typed.WriteString("\n"); err != nil {
			t.Fatal(err)
		}
		await(t, "a browser", func() bool {
			content, _ := os.ReadFile(opened)
			address := find(t, shown, `in a browser:\s+(http://\S+/console/)`)
			return string(content) == strings.Repeat(address+"\n", i+1)
		})
	}
	cancel()
	if code := ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestDevOffersNoBrowserWithoutADesktop runs it on a terminal from which no browser can be seen.
func TestDevOffersNoBrowserWithoutADesktop(t *testing.T) {
	setEnvironment(t, nil)
	opened := desktop(t)
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	typed, terminal := pseudoTerminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	shown, ended := onTerminal(ctx, t, terminal, typed)
	await(t, "the proxy", func() bool { return strings.Contains(shown.String(), "Stop with Ctrl-C.") })
	cancel()
	if code := ended(); code != 0 || strings.Contains(shown.String(), "Press Enter") {
		t.Errorf("exit code %d, and it shows\n%s", code, shown)
	}
	if _, err := os.Stat(opened); err == nil {
		t.Error("a browser was opened")
	}
}
