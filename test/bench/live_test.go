package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseLive(t *testing.T) {
	for name, c := range map[string]struct{ args, fails string }{
		"nothing":         {"", ""},
		"all":             {"--rows out,all --window 1s --idle 1s --rounds 2 --records 2000 --scale 0.5 --embedded --out-file x", ""},
		"an unknown row":  {"--rows out,lag", `"lag" is none of out, all`},
		"no window":       {"--window 0s", "--window"},
		"no rounds":       {"--rounds 0", "one round"},
		"a large scale":   {"--scale 1.1", "--scale"},
		"two brokers":     {"--embedded --broker localhost:9092", "excludes"},
		"argument":        {"in", `unexpected argument "in"`},
		"an unknown flag": {"--save x", "save"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseLive(strings.Fields(c.args), io.Discard)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
		})
	}
}

func TestTurns(t *testing.T) {
	turns := turns{began: time.Unix(1000, 0), perSecond: 3}
	for n, want := range map[int]time.Time{
		0: time.Unix(1000, 0), 1: time.Unix(1000, 333_333_333), 3: time.Unix(1001, 0), 3_000_000_000: time.Unix(1_000_001_000, 0),
	} {
		if got := turns.due(n); !got.Equal(want) {
			t.Errorf("turn %d comes at %v, want %v", n, got, want)
		}
	}
	stop := make(chan struct{})
	if !turns.await(1, stop) {
		t.Error("a turn that is late does not come")
	}
	close(stop)
	if turns.await(1, stop) || newTurns(1).await(1000, stop) {
		t.Error("turns come after the end")
	}
}

func TestStamped(t *testing.T) {
	s := (&bench{data: newData()}).stamped("t", 3, 1000)
	r := s.record(100_000, true)
	if string(r.Key) != "k1" || len(r.Value) != 1000 || !bytes.Contains(r.Value, []byte(":000000100000!")) {
		t.Errorf("got the key %s and %d bytes: %s", r.Key, len(r.Value), r.Value)
	}
	if got, want := upTo(4), (produced{4, 0 + 1 + 2 + 3}); got != want || upTo(0) != (produced{}) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReadProcess(t *testing.T) {
	p, err := readProcess(os.Getpid())
	if err != nil || p.cpu <= 0 || p.memory <= 0 {
		t.Errorf("got %+v of this process (%v)", p, err)
	}
	if p, err := readProcess(0); err != nil || p != (process{}) {
		t.Errorf("got %+v of none (%v)", p, err)
	}
	if _, err := readProcess(math.MaxInt32); err == nil {
		t.Error("a process that is not there has figures")
	}
}

func TestBusySeconds(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want float64
	}{
		"a line":      {"cpu  100 20 300 5000 600 7 8 9 50 60\ncpu0 1", 4.44},
		"an old line": {"cpu  100 20 300 5000", 4.2},
		"no figure":   {"cpu  100 x", 0},
		"no line":     {"intr 5", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := busySeconds(c.text)
			if got != c.want || (err == nil) != (c.want > 0) {
				t.Errorf("got %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

// TestLongRunLive takes the way of a whole run, with few sockets and records: the figures mean nothing.
func TestLongRunLive(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "table.md")
	args := []string{
		liveCommand, "--embedded", "--rows", "out,all,keys,broadcast,idle,tls,partitions,opening,broker,encodings,history,snapshot", "--scale", "0.01", "--window", "200ms", "--idle", "100ms", "--records", "20000",
		"--out-file", file,
	}
	var output, messages bytes.Buffer
	if err := runAny(ctx, args, &output, &messages); err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	for _, row := range []string{
		"Commit ", "| " + outFlow + " | 4 | 10 | ", "| " + allFlow + " | 4 | 10 | ", "| " + allManyFlow + " | 80 | 4 | ",
		"| " + keysFlow + " | 80 | 100 | ", "| " + broadcastFlow + " | 1 | 100 | ", "| " + plainFlow + " | 40 | ", "| " + tlsFlow + " | 40 | ",
		"| " + manyAllFlow + " | 10 | ", "| " + manyKeysFlow + " | 10 | ", "| " + manyReadersFlow + " | 10 | ", "| " + manyEncodedFlow + " | 80 | ",
		historyRate + ": ",
		"| " + keysFlow + ": p99 | ", "| many sockets: encodings/record | 1.000 | ", "| " + idleResident, "| " + idleJoined, "| " + idleShare,
		"| " + openingRate, "| " + openingCPU, "| " + firstSnapshot, "| " + laterSnapshot,
	} {
		if !strings.Contains(output.String(), row) {
			t.Errorf("the table has no %q:\n%s", row, output.String())
		}
	}
	written, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(written, output.Bytes()) {
		t.Errorf("the file holds %q (%v), not the table", written, err)
	}
}
