package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the tests' own program be what startSelf starts.
func TestMain(m *testing.M) {
	if serve := command(os.Args[1:]); serve != nil {
		exit(serve(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ args, fails string }{
		"nothing":         {"", ""},
		"all":             {"--records 2000 --rounds 1 --rows tls,idle --idle 1s --scale 0.5 --embedded --out-file x --profiles y --save z", ""},
		"an unknown row":  {"--rows tls,lag", `"lag" is none of throughput, tls`},
		"no time":         {"--idle 0s", "--idle"},
		"no scale":        {"--scale 0", "--scale"},
		"a large scale":   {"--scale 1.1", "--scale"},
		"save and check":  {"--save x --check x", "excludes"},
		"argument":        {"in", `unexpected argument "in"`},
		"few records":     {"--records 999", "at least 1000 records"},
		"no rounds":       {"--rounds 0", "one round"},
		"two brokers":     {"--embedded --broker localhost:9092", "excludes"},
		"an unknown flag": {"--record 5", "record"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(strings.Fields(c.args), io.Discard)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
		})
	}
}

// TestRun takes the way of a whole run, with few records and connections: the figures mean nothing.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	folder := t.TempDir()
	file, profiles, ratios := filepath.Join(folder, "table.md"), filepath.Join(folder, "profiles"), filepath.Join(folder, "ratios.json")
	args := []string{"--embedded", "--records", "5000", "--rounds", "1", "--scale", "0.01", "--idle", "100ms"}
	var output, messages bytes.Buffer
	err := run(ctx, append(args, "--out-file", file, "--profiles", profiles, "--save", ratios), &output, &messages)
	if err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	for _, row := range []string{
		"Commit ", "| out, raw | ", "| out, JSON | ", "| out, Avro | ", "| in, raw | ", "| in, JSON | ", "| in, Avro | ",
		"| lone record | ", "Bytes to another process and back", "5 plain consumers of a group each", "| idle /out, own group | 5 | ", "| 10 | ",
		"| out, JSON: records/s of raw | ", "| out, JSON: CPU/record of raw | ", "| out, JSON, json values: records/s of raw | ",
		"| out, Avro: records/s of JSON | ", "| out, JSON, TLS 1.3: records/s of plain | ", "| out, JSON, 8 connections: records/s of raw | ",
		"| out, JSON, json values, deflate | ",
		"| in, JSON: records/s of raw | ", "| in, JSON: CPU/record of raw | ", "| in, Avro: records/s of JSON | ",
		"| in, JSON, TLS 1.3: records/s of plain | ", "| in, JSON, 8 connections: records/s of raw | ",
		"| out, JSON: allocations/record | ", "| in, JSON: allocations/record | ",
		"| lone ack, median over raw | ", "| lone record, median over raw | ",
		"| idle /in, resident memory of a connection | ", "| idle /out of an own group, resident memory of a connection | ",
		"| /in idle after a burst, live memory of a connection | ",
		"| 50 idle /in and 5 idle /out, CPU of a core | ", "| /in, one rate over 10 connections: CPU of one connection | ",
		"| flow | profile, s | kernel | ", "| idle connections | ",
	} {
		if !strings.Contains(output.String(), row) {
			t.Errorf("the table has no %q:\n%s", row, output.String())
		}
	}
	written, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(written, output.Bytes()) {
		t.Errorf("the file holds %q (%v), not the table", written, err)
	}
	for _, name := range []string{
		"out-JSON-profile", "out-JSON-allocs", "in-JSON-profile", "in-JSON-allocs",
		"out-Avro-profile", "out-Avro-allocs", "in-Avro-profile", "in-JSON-8-connections-allocs", "idle-profile",
	} {
		if _, err := os.Stat(filepath.Join(profiles, name+".pprof")); err != nil {
			t.Error(err)
		}
	}
	kept, err := readBaseline(ratios)
	// Other ratios may be none: a plain consumer has so few records in one poll, which takes no time.
	if err != nil || kept.Ratios["in, JSON: records/s of raw"] <= 0 || kept.Records != 5000 || kept.Broker != "embedded" {
		t.Errorf("got the ratios %+v (%v)", kept, err)
	}
}

// TestRunChecksFirst has a file that does not fit told before anything is measured.
func TestRunChecksFirst(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ratios.json")
	if err := (baseline{Broker: "embedded", Records: 2000}).write(file); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		fails string
	}{
		"no file":        {[]string{"--check", file + "x"}, "reading the ratios"},
		"another broker": {[]string{"--records", "2000", "--check", file}, "measure the same"},
		"other records":  {[]string{"--embedded", "--check", file}, "measure the same"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
		})
	}
}
