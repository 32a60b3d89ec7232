package chart

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMemoryIsSharedOut: what the program is told fits into the pod's memory limit.
func TestMemoryIsSharedOut(t *testing.T) {
	type shares struct{ heap, budget, frames, snapshots, connections string }
	for name, test := range map[string]struct {
		values string
		want   shares
	}{
		"256 MiB":             {`resources: {limits: {memory: 256Mi}}`, shares{"230MiB", "76MiB", "21MiB", "38MiB", "304"}},
		"512 MiB":             {``, shares{"460MiB", "153MiB", "42MiB", "76MiB", "764"}},
		"1 GiB":               {`resources: {limits: {memory: 1Gi}}`, shares{"921MiB", "307MiB", "64MiB", "153MiB", "1684"}},
		"8 GiB":               {`resources: {limits: {memory: 8Gi}}`, shares{"7372MiB", "2457MiB", "64MiB", "256MiB", "18476"}},
		"light connections":   {`memory: {perConnection: 32Ki}`, shares{"460MiB", "153MiB", "42MiB", "76MiB", "6112"}},
		"a budget of its own": {`config: {MEMORY_BUDGET: 53MiB}`, shares{"460MiB", "53MiB", "42MiB", "76MiB", "1164"}},
		"a budget in bytes":   {`config: {MEMORY_BUDGET: 55574528}`, shares{"460MiB", "55574528", "42MiB", "76MiB", "1164"}},
		"without snapshots":   {`config: {TAIL_SNAPSHOT_BYTES: 64KiB}`, shares{"460MiB", "153MiB", "42MiB", "64KiB", "1064"}},
		"fewer connections":   {`config: {MAX_CONNECTIONS: 100}`, shares{"460MiB", "153MiB", "42MiB", "76MiB", "100"}},
		"any number of them":  {`config: {MAX_CONNECTIONS: 0}`, shares{"460MiB", "153MiB", "42MiB", "76MiB", "0"}},
		"not derived":         {`memory: {derive: false}`, shares{heap: "460MiB"}},
		"no limit":            {`resources: {limits: null}`, shares{}},
		"a limit in MB":       {`resources: {limits: {memory: 500M}}`, shares{}},
	} {
		t.Run(name, func(t *testing.T) {
			e := environment(t, render(t, broker+test.values).find(t, "Deployment", "proxy-wsproxy"))
			got := shares{
				e["GOMEMLIMIT"], e["WSPROXY_MEMORY_BUDGET"], e["WSPROXY_TAIL_BUFFER_BYTES"], e["WSPROXY_TAIL_SNAPSHOT_BYTES"], e["WSPROXY_MAX_CONNECTIONS"],
			}
			if got != test.want {
				t.Errorf("got %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// TestMemoryOfAPool: a pool has its own limit, and says itself what its connections take.
func TestMemoryOfAPool(t *testing.T) {
	all := render(t, broker+`
memory: {perConnection: 128Ki}
pools:
  reports: {groups: [a], resources: {limits: {memory: 1Gi}}}
  live: {groups: [b], memory: {perConnection: 32Ki}}
`)
	for name, want := range map[string]string{"": "1528", "-reports": "3368", "-live": "6112"} {
		got := environment(t, all.find(t, "Deployment", "proxy-wsproxy"+name))["WSPROXY_MAX_CONNECTIONS"]
		if got != want {
			t.Errorf("pool %q: %s connections, want %s", name, got, want)
		}
	}
}

// TestMemoryThatDoesNotFitIsRefused: what is set by hand is judged together with what follows from the limit.
func TestMemoryThatDoesNotFitIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`config: {MEMORY_BUDGET: 400MiB}`:                           "leaves nothing for connections",
		`config: {TAIL_SNAPSHOT_BYTES: 1GiB}`:                       "leaves nothing for connections",
		`resources: {limits: {memory: 64Mi}}`:                       "leaves nothing for connections",
		`config: {MAX_CONNECTIONS: 2000}`:                           "and 500 for MAX_CONNECTIONS of 2000 are 769 MiB, and nine tenths of resources.limits.memory are 460",
		`pools: {a: {groups: [a], config: {MAX_CONNECTIONS: 900}}}`: "memory of pool a",
		`autoscaling: {mode: hpa, connections: 764}`:                "which pods with MAX_CONNECTIONS of 764 never exceed",
		`memory: {perConnection: 256}`:                              "perConnection",
		`memory: {perConnection: 0Ki}`:                              "perConnection",
	} {
		if _, err := files(t, broker+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
	for _, text := range []string{`config: {MAX_CONNECTIONS: 764}`, `autoscaling: {mode: hpa, connections: 763}`} {
		if _, err := files(t, broker+text); err != nil {
			t.Error(fmt.Errorf("%s: %w", text, err))
		}
	}
}

// TestTheTableOfMemory: the page tells what the chart does.
func TestTheTableOfMemory(t *testing.T) {
	page, err := os.ReadFile(root + "docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, values, variable string }{
		{"`GOMEMLIMIT`", "", "GOMEMLIMIT"},
		{"`MEMORY_BUDGET`", "", "WSPROXY_MEMORY_BUDGET"},
		{"`TAIL_BUFFER_BYTES`", "", "WSPROXY_TAIL_BUFFER_BYTES"},
		{"`TAIL_SNAPSHOT_BYTES`", "", "WSPROXY_TAIL_SNAPSHOT_BYTES"},
		{"connections, of 256 KiB each | `MAX_CONNECTIONS`", "", "WSPROXY_MAX_CONNECTIONS"},
		{"connections, of 32 KiB each | `MAX_CONNECTIONS`", "memory: {perConnection: 32Ki}\n", "WSPROXY_MAX_CONNECTIONS"},
	} {
		want := row.name + " |"
		for _, limit := range []string{"256Mi", "512Mi", "1Gi"} {
			o := render(t, broker+row.values+"resources: {limits: {memory: "+limit+"}}").find(t, "Deployment", "proxy-wsproxy")
			want += " " + strings.TrimSuffix(environment(t, o)[row.variable], "MiB") + " |"
		}
		if !strings.Contains(strings.ReplaceAll(string(page), ",", ""), strings.ReplaceAll(want, ",", "")) {
			t.Errorf("the page has no row %s", want)
		}
	}
}
