package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// shares are the owners' shares of a profile.
type shares struct {
	seconds float64 // of CPU
	of      map[owner]float64
}

// readShares asks go tool pprof for the stacks of a CPU profile.
func readShares(ctx context.Context, file string) (shares, error) {
	output, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-traces", file).Output()
	if err != nil {
		return shares{}, fmt.Errorf("reading the profile %s: %w", file, err)
	}
	return sumShares(bytes.NewReader(output))
}

// stackMark begins the line between two stacks of pprof -traces.
const stackMark = "-----------+"

// sumShares reads what pprof -traces prints. The first line of a stack begins with its CPU.
func sumShares(traces io.Reader) (shares, error) {
	s := shares{of: make(map[owner]float64)}
	var cpu time.Duration
	var stack []string
	lines, begun := bufio.NewScanner(traces), false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.HasPrefix(line, stackMark):
			s.add(stack, cpu)
			begun, stack = true, stack[:0]
		case !begun || line == "":
		case len(stack) == 0:
			first, function, _ := strings.Cut(line, " ")
			var err error
			if cpu, err = time.ParseDuration(first); err != nil {
				return shares{}, fmt.Errorf("reading the CPU of a stack: %w", err)
			}
			stack = append(stack, strings.TrimSpace(function))
		default:
			stack = append(stack, line)
		}
	}
	s.add(stack, cpu)
	return s, wrap(lines.Err(), "reading a profile's stacks")
}

func (s *shares) add(stack []string, cpu time.Duration) {
	if len(stack) > 0 {
		s.of[ownerOf(stack)] += cpu.Seconds()
		s.seconds += cpu.Seconds()
	}
}

// profiled is a profile of a flow.
type profiled struct {
	what string
	shares
}

// writeShares writes whose the CPU of the profiles is, in percent. A flow that was too short for a sample has no shares.
func writeShares(text *strings.Builder, profiles []profiled) {
	if len(profiles) == 0 {
		return
	}
	text.WriteString("\nWhose the proxy's CPU is, in percent.\n\n| flow | profile, s |")
	for _, o := range owners() {
		fmt.Fprintf(text, " %s |", o)
	}
	text.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(owners())) + "\n")
	for _, p := range profiles {
		fmt.Fprintf(text, "| %s | %.1f |", p.what, p.seconds)
		for _, o := range owners() {
			fmt.Fprintf(text, " %.0f |", 100*p.of[o]/max(p.seconds, 1e-9))
		}
		text.WriteString("\n")
	}
}
