package server

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestAPanicOfASocketEndsItAlone checks that the panic goes no further, and is in the log with its place.
func TestAPanicOfASocketEndsItAlone(t *testing.T) {
	var log bytes.Buffer
	s := &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
	func() {
		defer s.survive("192.0.2.1:1234")
		panic("a bug")
	}()
	for _, part := range []string{"a socket failed", "192.0.2.1:1234", "a bug", "survive_test.go"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q: %s", part, log.String())
		}
	}
}
