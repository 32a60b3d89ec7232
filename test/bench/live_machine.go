package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ticks are those in which Linux counts the time of processors, per second.
const ticks = 100

// readMachine returns the seconds that all processors together were busy since the start of the machine.
func readMachine() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading what the machine uses: %w", err)
	}
	return busySeconds(string(text))
}

// busySeconds reads the first line of /proc/stat.
func busySeconds(text string) (float64, error) {
	const idle, waiting, guest = 3, 4, 8 // guests count as users already
	line, _, _ := strings.Cut(text, "\n")
	figures, found := strings.CutPrefix(line, "cpu ")
	if !found {
		return 0, fmt.Errorf("reading what the machine uses: it begins with %.100q", line)
	}
	busy := 0.0
	for i, figure := range strings.Fields(figures) {
		n, err := strconv.ParseFloat(figure, 64)
		if err != nil {
			return 0, fmt.Errorf("reading what the machine uses: %w", err)
		}
		if i != idle && i != waiting && i < guest {
			busy += n
		}
	}
	return busy / ticks, nil
}
