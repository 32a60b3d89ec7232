package typescript

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds each program that a test runs. The first one may install compilers.
const patience = 5 * time.Minute

const sources = "../../api/clients/typescript"

// mostGzipped is how long the client may be for a page that loads it, in bytes.
const mostGzipped = 6 * 1024

// built returns the folder with the client, built and packed. Without Node or npm the test is skipped, or fails if REQUIRE_ALL=1.
func built(t *testing.T) string {
	t.Helper()
	return installed(t, "typescript")
}

func installed(t *testing.T, what string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../clients/install", what)
	var reason strings.Builder
	cmd.Stderr = &reason
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skip(reason.String())
	}
	if err != nil {
		t.Fatalf("installing %s: %v\n%s", what, err, reason.String())
	}
	return strings.TrimSpace(string(out))
}

// run runs a program in a folder, and returns what it printed.
func run(t *testing.T, folder string, environ []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// TestRulesHoldInVirtualTime runs the client's own tests, in which sockets say what the tests have them say: with the modules, and with the
// bundle, whose minifier gives other names to what is no API.
func TestRulesHoldInVirtualTime(t *testing.T) {
	dist := filepath.Join(built(t), "dist")
	files, err := filepath.Glob(sources + "/test/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("the client has no tests: %v", err)
	}
	for _, client := range []string{"index.js", "wsproxy-client.min.js"} {
		for _, file := range files {
			t.Run(client+" "+filepath.Base(file), func(t *testing.T) {
				t.Parallel()
				run(t, ".", []string{"WSPROXY_CLIENT=" + absolute(t, filepath.Join(dist, client))}, "node", "--test", file)
			})
		}
	}
}

func TestBundleIsSmall(t *testing.T) {
	bundle, err := os.ReadFile(filepath.Join(built(t), "dist", "wsproxy-client.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	var gzipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&gzipped, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bundle); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d gzipped", len(bundle), gzipped.Len())
	if gzipped.Len() > mostGzipped {
		t.Errorf("the bundle has %d bytes gzipped, of %d", gzipped.Len(), mostGzipped)
	}
}

// TestPackageServesAnEmptyProject installs the package as npm packs it, type-checks a program that uses all of it, and runs it.
func TestPackageServesAnEmptyProject(t *testing.T) {
	folder := built(t)
	packed, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(packed) != 1 {
		t.Fatalf("packed are %q, %v", packed, err)
	}
	project := t.TempDir()
	copyFiles(t, "testdata/project", project)
	run(t, project, nil, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", packed[0])
	run(t, project, nil, filepath.Join(installed(t, "compilers"), ".bin", "tsc"))
	if out := run(t, project, nil, "node", "uses.js"); strings.TrimSpace(out) != "function function" {
		t.Errorf("the program printed %q", out)
	}
	others, err := os.ReadDir(filepath.Join(project, "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range others {
		if name := other.Name(); name != "@wsproxy" && !strings.HasPrefix(name, ".") {
			t.Errorf("the package brings %s along", name)
		}
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
