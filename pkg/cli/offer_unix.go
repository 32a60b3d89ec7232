//go:build linux || darwin

package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// offer offers to open an address in a browser whenever Enter is pressed, until stop is called, which waits for its end.
// It does nothing where the input or the output is no terminal, or where nothing is known that opens a browser.
func offer(p Process, address string) (stop func()) {
	terminal, opener := terminalOf(p), browserOpener()
	if terminal == nil || opener == "" {
		return func() {}
	}
	over, end, err := os.Pipe()
	if err != nil {
		return func() {}
	}
	_, _ = fmt.Fprintln(p.Stdout, "Press Enter to open the console in a browser.")
	// A process in the background that reads from its terminal is stopped by this signal. Ignored, it has the read fail.
	signal.Ignore(syscall.SIGTTIN)
	var listener sync.WaitGroup
	listener.Go(func() {
		for enterPressed(terminal, over) {
			if err := open(opener, address); err != nil {
				_, _ = fmt.Fprintf(p.Stderr, "No browser opens: %v. The console is at %s\n", err, address)
			}
		}
	})
	return func() {
		_ = end.Close()
		listener.Wait()
		_ = over.Close()
		signal.Reset(syscall.SIGTTIN)
	}
}

// terminalOf returns the terminal that a process reads from, nil where its input or its output is none.
func terminalOf(p Process) *os.File {
	in, _ := p.Stdin.(*os.File)
	out, _ := p.Stdout.(*os.File)
	for _, f := range []*os.File{in, out} {
		if f == nil {
			return nil
		}
		if _, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err != nil { // only terminals have a size
			return nil
		}
	}
	return in
}

// browserOpener returns the command that opens an address in the browser of the desktop, empty where there is none.
func browserOpener() string {
	name := "xdg-open"
	if runtime.GOOS == "darwin" {
		name = "open"
	} else if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return ""
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// open opens an address. The browser is in no session of this terminal, so that Ctrl-C does not end it, and the shell does not
// wait for it.
func open(opener, address string) error {
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", `"$0" "$1" >/dev/null 2>&1 &`, opener, address) //nolint:gosec // neither is text of others
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Run() //nolint:wrapcheck // the caller says what it was
}

// enterPressed waits for a line from a terminal. It returns false once over is at its end, or the terminal gives nothing more.
func enterPressed(terminal, over *os.File) bool {
	for {
		both := []unix.PollFd{{Fd: int32(terminal.Fd()), Events: unix.POLLIN}, {Fd: int32(over.Fd()), Events: unix.POLLIN}}
		_, err := unix.Poll(both, -1)
		switch {
		case err == unix.EINTR: //nolint:errorlint // it is an errno
			continue
		case err != nil || both[1].Revents != 0:
			return false
		}
		line := make([]byte, 4096) // a terminal gives a line at a time, at most so long
		n, err := terminal.Read(line)
		return err == nil && n > 0
	}
}
