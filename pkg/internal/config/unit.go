package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

type unit struct {
	name  string
	bytes int64
}

// units lists the units of sizes; the decimal ones are 1000-based as in IEC 80000-13. A name comes before
// its own endings, so that the first match is right.
func units() []unit {
	return []unit{
		{"GiB", 1 << 30},
		{"MiB", 1 << 20},
		{"KiB", 1 << 10},
		{"GB", 1e9},
		{"MB", 1e6},
		{"kB", 1e3},
		{"B", 1},
	}
}

// parseSize reads a number of bytes with or without a unit. The error wraps
// strconv.ErrRange where the size does not fit an int64.
func parseSize(text string) (int64, error) {
	digits, factor := text, int64(1)
	for _, u := range units() {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			digits, factor = number, u.bytes
			break
		}
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("parsing a size: %w", err)
	}
	if number > math.MaxInt64/factor || number < math.MinInt64/factor {
		return 0, fmt.Errorf("parsing a size: %w", strconv.ErrRange)
	}
	return number * factor, nil
}

// formatSize writes a size in the largest binary unit that is exact.
func formatSize(size int64) string {
	for _, u := range units()[:3] {
		if size != 0 && size%u.bytes == 0 {
			return strconv.FormatInt(size/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(size, 10)
}

// formatDuration writes a duration in short: 2m rather than 2m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
