package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// head tells what was measured, and where.
type head struct {
	commit, processor, load string
	date                    time.Time
}

// newHead is called before a run loads the machine. What it cannot find out is "unknown".
func newHead(ctx context.Context) head {
	h := head{commit: "unknown", processor: "unknown", load: "unknown", date: time.Now()}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--abbrev=12", "--exclude", "*", "--dirty").Output()
	if err == nil {
		h.commit = strings.TrimSpace(string(commit))
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		h.processor = modelName(string(text))
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		h.load = strings.Join(strings.Fields(string(text))[:3], " ")
	}
	return h
}

// modelName finds the processor in the text of /proc/cpuinfo.
func modelName(text string) string {
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (h head) String() string {
	return fmt.Sprintf("Commit %s, %s, %s, load average before the run %s.\n", h.commit, h.date.Format("2006-01-02 15:04 MST"), h.processor, h.load)
}
