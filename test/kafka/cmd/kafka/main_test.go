package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		args       string
		port       int
		properties map[string]string
		fails      string
	}{
		"nothing":          {"", 9092, nil, ""},
		"port":             {"--port 1234", 1234, nil, ""},
		"properties":       {"--set a=b --set c=d=e --set f=", 9092, map[string]string{"a": "b", "c": "d=e", "f": ""}, ""},
		"no key and value": {"--set a", 0, nil, "not key=value"},
		"no key":           {"--set =a", 0, nil, "not key=value"},
		"argument":         {"start", 0, nil, `unexpected argument "start"`},
		"unknown flag":     {"--ports 1", 0, nil, "ports"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(strings.Fields(c.args), io.Discard)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil || got.Port != c.port || !maps.Equal(got.Properties, c.properties) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// interrupted ends a context with the first line written to it.
type interrupted struct {
	bytes.Buffer
	answers   bool
	interrupt context.CancelFunc
}

func (w *interrupted) Write(text []byte) (int, error) {
	conn, err := net.Dial("tcp", strings.TrimSpace(string(text)))
	if err == nil {
		conn.Close()
	}
	w.answers = err == nil
	w.interrupt()
	return w.Buffer.Write(text)
}

// lockedBuffer takes what run and the broker say at the same time.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestRunPrintsTheAddressAndStops(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	output := &interrupted{interrupt: cancel}
	var messages lockedBuffer
	err := run(ctx, []string{"--port", "0", "--verbose"}, output, &messages)
	if errors.Is(err, kafka.ErrMissing) {
		kafka.Require(t) // skips, or fails if nothing may be skipped
	}
	if err != nil {
		t.Fatal(err)
	}
	if !output.answers {
		t.Errorf("nothing listens on %q when it is printed", output.String())
	}
	if conn, err := net.Dial("tcp", strings.TrimSpace(output.String())); err == nil {
		conn.Close()
		t.Error("it serves on after the interrupt")
	}
	// Only a broker that was asked to stop, rather than killed, says goodbye.
	for _, words := range []string{"Kafka Server started", "to SHUTTING_DOWN"} {
		if !strings.Contains(messages.String(), words) {
			t.Errorf("%q is not in its log:\n%s", words, messages.String())
		}
	}
}
