//go:build linux

package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const terminalPatience = 30 * time.Second

// screen is a pseudo-terminal, and what was written to it.
type screen struct {
	terminal *os.File // the end of the program

	mu   sync.Mutex
	text bytes.Buffer
}

func newScreen(t *testing.T, columns uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0), unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})); err != nil {
		t.Fatal(err)
	}
	s := new(screen)
	if s.terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(s, master) })
	t.Cleanup(func() {
		_ = s.terminal.Close() // then reading fails
		reading.Wait()
		_ = master.Close()
	})
	return s
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) await(t *testing.T, pattern string) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(terminalPatience)
	for !regexp.MustCompile(pattern).MatchString(s.String()) {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("there is no %s in %q", pattern, s.String())
		}
	}
}

// exitCode waits for a program.
func exitCode(t *testing.T, c *exec.Cmd) int {
	t.Helper()
	timer := time.AfterFunc(terminalPatience, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	_ = c.Wait()
	return c.ProcessState.ExitCode()
}

// developed builds the program, runs its proxy with a topic t, and returns what runs its commands.
func developed(t *testing.T) (command func(args ...string) *exec.Cmd) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "wsproxy")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dev := exec.CommandContext(t.Context(), program, "dev", "--quiet", "--topic", "t:1", "--port", "0", "--admin-port", "0", "--kafka-port", "0")
	dev.Env = append(os.Environ(), "WSPROXY_LOG_LEVEL=error")
	stdout, err := dev.StdoutPipe()
	if err := errors.Join(err, dev.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = dev.Process.Signal(syscall.SIGTERM)
		exitCode(t, dev)
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if at := regexp.MustCompile(`listens on (localhost:\d+)`).FindStringSubmatch(lines.Text()); at != nil {
			return func(args ...string) *exec.Cmd {
				c := exec.CommandContext(t.Context(), program, args...)
				c.Env = append(os.Environ(), "WSPROXY_URL=ws://"+at[1], "NETRC="+os.DevNull, "WSPROXY_PROFILES="+os.DevNull, "NO_COLOR=1", "TERM=xterm")
				return c
			}
		}
	}
	t.Fatal("the proxy does not say where it listens")
	return nil
}

// TestTerminals has commands end as a person at a terminal of 40 columns sees it.
func TestTerminals(t *testing.T) {
	command := developed(t)
	t.Run("Ctrl-C while produce shows its progress", func(t *testing.T) {
		s := newScreen(t, 40)
		c := command("produce", "-t", "t", "--val-type", "json", "--on-error", "skip")
		c.Stderr = s.terminal
		input, err := c.StdinPipe()
		if err := errors.Join(err, c.Start()); err != nil {
			t.Fatal(err)
		}
		send := func(text string) {
			if _, err := io.WriteString(input, text); err != nil {
				t.Error(err)
			}
		}
		send("1\n2\n")
		s.await(t, `2 acked, \d+/s, 0 in flight`)
		send("no\n")
		s.await(t, `\r\x1b\[Kwsproxy: line 3: `) // it takes the place of the line of progress
		send("4\n")
		s.await(t, `3 acked`)
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := exitCode(t, c); code != 130 {
			t.Errorf("exit code %d", code)
		}
		s.await(t, `\r\x1b\[Kwsproxy: of the lines up to 4, 3 messages were acknowledged: go on with --from-line 5\r\nwsproxy: interrupted\r\n$`)
		for line := range strings.SplitSeq(s.String(), "\r") {
			if line = strings.TrimPrefix(line, "\x1b[K"); strings.Contains(line, "acked,") && len(line) >= 40 || strings.Contains(line, "\x1b") {
				t.Errorf("the terminal gets %q", line)
			}
		}
	})
	t.Run("Ctrl-C where there is no terminal", func(t *testing.T) {
		c := command("produce", "-t", "t")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		input, err := c.StdinPipe()
		if err := errors.Join(err, c.Start()); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(input, "here\n"); err != nil {
			t.Fatal(err)
		}
		if out, err := command("consume", "-t", "t", "-c", "4").Output(); err != nil || !strings.HasSuffix(string(out), "here\n") {
			t.Fatalf("got %q, %v", out, err)
		}
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if code := exitCode(t, c); code != 130 || strings.Contains(stderr.String(), "\x1b") || !strings.Contains(stderr.String(), "of the lines up to 1, ") {
			t.Errorf("exit code %d, %q", code, stderr.String())
		}
	})
	t.Run("a pipe that is closed", func(t *testing.T) {
		c := command("consume", "-t", "t")
		var stderr bytes.Buffer
		c.Stderr = &stderr
		output, err := c.StdoutPipe()
		if err := errors.Join(err, c.Start()); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "1\n" {
			t.Errorf("got %q, %v", line, err)
		}
		_ = output.Close() // as head -1 does
		produce := command("produce", "-t", "t")
		produce.Stdin = strings.NewReader("more\n")
		if out, err := produce.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if code := exitCode(t, c); code != 0 || stderr.String() != "" {
			t.Errorf("exit code %d, %q", code, stderr.String())
		}
	})
}
