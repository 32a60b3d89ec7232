// Package chromium runs the browser for the suites that look at pages.
package chromium

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Launch starts a browser without a window. It runs until the test's end, or until a limit if that is earlier. Without Chromium the test
// is skipped, or fails if REQUIRE_ALL=1.
func Launch(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(find(t)), chromedp.NoSandbox)
	timed, cancelTimed := context.WithTimeout(t.Context(), limit)
	allocator, cancelAllocator := chromedp.NewExecAllocator(timed, options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		cancel()
		cancelAllocator()
		cancelTimed()
	})
	return ctx
}

// find returns where the browser is.
func find(t testing.TB) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../tools/tool", "chromium") // the suites' folders lie in test
	var reason strings.Builder
	cmd.Stderr = &reason
	path, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs chromium: %s", reason.String())
	}
	if err != nil {
		t.Fatalf("looking for chromium: %v\n%s", err, reason.String())
	}
	return strings.TrimSpace(string(path))
}
