package socket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

const (
	// conformanceTime bounds a run of the runner, which takes seconds, or minutes for all cases of compression.
	conformanceTime = 40 * time.Minute
	// fewestCases is how many cases version 0.1.0 of the runner has without those of compression, longCases how
	// many of them have long messages, compressedCases how many of compression are run, and allCompressedCases
	// how many there are.
	fewestCases        = 301
	longCases          = 54
	compressedCases    = 12 + 5 + 1
	allCompressedCases = (5 + 7) * 18
	// longestCase is the longest message of the cases 9.*.
	longestCase = 16 << 20
)

// TestConformance has few cases of long messages and of compression. [TestLongConformance] has more.
func TestConformance(t *testing.T) {
	conform(t, fewestCases-longCases+8+12, []string{"-p", "2", "-i", "9.*.1", "-i", "12.*.3", "-i", "13.*.3"})
}

// TestLongConformance has all cases of long messages, and more of compression: all of them with CONFORMANCE=all, which
// takes some five minutes, and under the race detector half an hour.
func TestLongConformance(t *testing.T) {
	long := []string{"-p", "2", "-i", "9.*"}
	if os.Getenv("CONFORMANCE") == "all" {
		conform(t, fewestCases+allCompressedCases, long, []string{"-p", "2", "-i", "12.*", "-i", "13.*"})
		return
	}
	conform(t, fewestCases+compressedCases, long,
		[]string{"-p", "2", "-i", "12.*.3", "-i", "12.*.11", "-i", "13.*.3", "-i", "13.1.5"})
}

// conform runs cases of the Autobahn test suite against an echo server on the connections that all sockets use:
// all cases of short messages, and others in separate runs, since a long message of one case can delay another
// beyond its second. Clients offer compression in the cases 12 and 13, of which are run at most those with
// messages of 256 bytes, some of 4,096, and of 8,192 in fragments of 256, unless all are asked for.
func conform(t *testing.T, fewest int, others ...[]string) {
	t.Helper()
	addr := echoServer(t).Listener.Addr().String()
	results := judge(t, addr, "-p", "8", "-x", "9.*", "-x", "12.*", "-x", "13.*")
	for _, cases := range others {
		maps.Copy(results, judge(t, addr, cases...))
	}
	if len(results) < fewest {
		t.Errorf("%d cases were run, want %d", len(results), fewest)
	}
	tolerated, count := tolerated(), make(map[string]int)
	for _, id := range slices.Sorted(maps.Keys(results)) {
		got := results[id]
		count[got.Behavior]++
		if want, known := tolerated[id]; known && got != want || !known && !got.passed() {
			t.Errorf("case %s: %s, and closing %s", id, got.Behavior, got.BehaviorClose)
		}
	}
	t.Logf("%d cases: %v", len(results), count)
}

// tolerated returns the cases that are known not to be OK, with their results.
func tolerated() map[string]caseResult {
	// Text that turns invalid in its middle is refused as it should be, but at the end of
	// the message, since only whole messages are checked. RFC 6455 does not ask for more.
	atTheEnd := caseResult{Behavior: "NON-STRICT", BehaviorClose: "OK"}
	cases := map[string]caseResult{"6.4.1": atTheEnd, "6.4.2": atTheEnd, "6.4.3": atTheEnd, "6.4.4": atTheEnd}
	// The window of what the server sends is to have 512 bytes, which is declined: nothing is compressed.
	declined := caseResult{Behavior: "UNIMPLEMENTED", BehaviorClose: "OK"}
	for n := range 18 {
		cases[fmt.Sprint("13.3.", n+1)], cases[fmt.Sprint("13.5.", n+1)] = declined, declined
	}
	return cases
}

// caseResult is the result of a case in the runner's index.
type caseResult struct{ Behavior, BehaviorClose string }

func (v caseResult) passed() bool {
	fine := []string{"OK", "INFORMATIONAL"}
	return slices.Contains(fine, v.Behavior) && slices.Contains(fine, v.BehaviorClose)
}

// judge runs cases against the server at addr and returns the results by case.
func judge(t *testing.T, addr string, cases ...string) map[string]caseResult {
	t.Helper()
	folder, reports := runner(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), conformanceTime)
	defer cancel()
	args := slices.Concat([]string{filepath.Join("testdata", "autobahn_cases.py")}, cases, []string{"-o", reports, addr})
	cmd := exec.CommandContext(ctx, "python3", args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+folder)
	printed, runErr := cmd.CombinedOutput() // fails if a case fails
	index, err := os.ReadFile(filepath.Join(reports, "index.json"))
	if err != nil {
		t.Fatalf("the runner ended without a report: %v\n%s", runErr, printed)
	}
	var byAgent map[string]map[string]caseResult
	if err := json.Unmarshal(index, &byAgent); err != nil || len(byAgent) != 1 {
		t.Fatalf("the report of %d agents: %v", len(byAgent), err)
	}
	for _, results := range byAgent {
		return results
	}
	return nil
}

// runner installs the program that runs the cases and returns the folder where it lies.
func runner(t *testing.T) string {
	t.Helper()
	var reason bytes.Buffer
	install := exec.CommandContext(t.Context(), "../../../test/clients/install", "python")
	install.Stderr = &reason
	folder, err := install.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 3 && os.Getenv("REQUIRE_ALL") != "1" {
		t.Skipf("needs python: %s", reason.String())
	}
	if err != nil {
		t.Fatalf("installing the runner of the cases: %v\n%s", err, reason.String())
	}
	return strings.TrimSpace(string(folder))
}

// echoServer serves connections that send back every message as it came.
func echoServer(t *testing.T) *httptest.Server {
	t.Helper()
	settings := testSettings()
	settings.MaxMessageBytes = longestCase
	settings.Compression = NewCompression(0)
	m := metrics.New(prometheus.NewRegistry(), metrics.Build{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, settings, m)
		if err != nil {
			t.Errorf("a handshake failed: %v", err)
			return
		}
		echo(c)
	}))
	t.Cleanup(server.Close)
	return server
}

// echo serves a connection to its end.
func echo(c *Conn) {
	src := &echoes{extension: c.extension}
	go c.writeLoop(src)
	defer c.finish()
	for {
		text, payload, err := c.Read()
		if err != nil {
			return
		}
		op := opBinary
		if text {
			op = opText
		}
		src.add(received{op, bytes.Clone(payload)})
		c.Wake()
	}
}

// echoes is a source of the messages that came. It has no bound: the cases send little
// before they read.
type echoes struct {
	extension *extension

	mu       sync.Mutex // guards what follows
	messages []received
}

func (e *echoes) add(m received) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages = append(e.messages, m)
}

func (e *echoes) fill(dst []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.messages) > 0 && e.extension.filled(dst) < fillSize {
		begun, mark := beginFrame(dst)
		dst = e.extension.endMessage(append(begun, e.messages[0].payload...), mark, e.messages[0].op)
		e.messages = e.messages[1:]
	}
	return dst
}

func (e *echoes) midMessage() bool { return false }

func (e *echoes) wrote() {}

func (e *echoes) due() time.Time { return time.Time{} }

func (e *echoes) rest() {}

func (e *echoes) over(late bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return late || len(e.messages) == 0
}
