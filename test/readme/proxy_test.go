package readme

import (
	"bufio"
	"context"
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
)

// patience bounds each wait. The first ones build the program.
const patience = 2 * time.Minute

// addresses are those of the pages, as this run has them.
type addresses struct{ main, management, kafka string }

// replace puts the addresses of this run into text.
func (a addresses) replace(text string) string {
	return strings.NewReplacer("localhost:8078", a.main, "localhost:9078", a.management, "localhost:9092", a.kafka).Replace(text)
}

// program is a command of a page that runs until it is stopped.
type program struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // of both outputs; closed at its end
	seen  []string    // that were taken from lines
}

// start runs a shell command in the repository's root, in a process group of its own.
func start(t *testing.T, command string, environ ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command("bash", "-c", command), lines: make(chan string, 1000)}
	p.cmd.Dir = filepath.Join("..", "..")
	p.cmd.Env = append(os.Environ(), environ...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	read, write := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = write, write
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer close(p.lines)
		for scanner := bufio.NewScanner(read); scanner.Scan(); {
			select {
			case p.lines <- scanner.Text():
			case <-t.Context().Done():
			}
		}
	})
	done.Go(func() {
		_ = p.cmd.Wait() // what it printed tells more than its exit code
		_ = write.Close()
	})
	t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
		kill := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) })
		defer kill.Stop()
		done.Wait()
	})
	return p
}

// await returns the first line that matches, as its submatches. Lines that were there before
// count too.
func (p *program) await(t *testing.T, pattern string) []string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	timeout := time.After(patience)
	for i := 0; ; i++ {
		if i == len(p.seen) {
			select {
			case line, ok := <-p.lines:
				if !ok {
					t.Fatalf("%s ended without %q:\n%s", p.cmd, pattern, p.last())
				}
				p.seen = append(p.seen, line)
			case <-timeout:
				t.Fatalf("%s did not print %q:\n%s", p.cmd, pattern, p.last())
			}
		}
		if match := wanted.FindStringSubmatch(p.seen[i]); match != nil {
			return match
		}
	}
}

// last is the end of what was printed.
func (p *program) last() string {
	return strings.Join(p.seen[max(0, len(p.seen)-20):], "\n")
}

// run runs a shell command to its end and returns what it printed.
func run(t *testing.T, command string, environ ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return runUntil(ctx, t, command, environ...)
}

// build runs a command that compiles the program, all that it depends on included where nothing is
// cached. How long that takes is not what is tested: only the time of all tests bounds it.
func build(t *testing.T, command string) {
	t.Helper()
	runUntil(t.Context(), t, command)
}

// runUntil runs a shell command, in a process group of its own that ends with the context.
func runUntil(ctx context.Context, t *testing.T, command string, environ ...string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), environ...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// clients returns the folder with a language's WebSocket client. Where the language is missing
// the test is skipped, or fails if REQUIRE_ALL=1.
func clients(t *testing.T, language string) string {
	t.Helper()
	return provided(t, "test/clients/install", language)
}

// provided returns what a script of this repository says that it has provided.
func provided(t *testing.T, script, what string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), script, what)
	cmd.Dir = filepath.Join("..", "..")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(stderr.String())
	}
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", script, what, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}
