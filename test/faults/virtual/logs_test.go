//go:build synctests

package virtual

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// proxyLogs counts the warnings and errors that the proxies log. It implements slog.Handler.
type proxyLogs struct {
	mu    sync.Mutex // guards what follows
	lines []string
}

// Enabled implements slog.Handler.
func (l *proxyLogs) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle implements slog.Handler.
func (l *proxyLogs) Handle(_ context.Context, r slog.Record) error { //nolint:gocritic // the interface's
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, b.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (l *proxyLogs) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *proxyLogs) WithGroup(string) slog.Handler { return l }

// naming returns how many lines contain a text.
func (l *proxyLogs) naming(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
