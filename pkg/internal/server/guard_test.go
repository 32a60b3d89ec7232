package server

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestASocketThatIsEndedIsLoggedOnce checks again, as a reload of the policy does, while the connection is being ended.
func TestASocketThatIsEndedIsLoggedOnce(t *testing.T) {
	told := &heard{Handler: slog.DiscardHandler, message: "socket is no longer authorized"}
	s := newServer(t, &config.Config{})
	withKafka(t, s)
	s.Log = slog.New(told)
	listener := httptest.NewServer(s.Main())
	defer listener.Close()
	c, _, err := websocket.Dial(t.Context(), listener.URL+"/socket/in?clientId=c&topic=t", nil) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	guards := s.guards.list()
	for ; len(guards) == 0; guards = s.guards.list() { // it comes right after the handshake's answer
		time.Sleep(time.Millisecond)
	}
	for range 3 {
		guards[0].end(proxy.Errorf(proxy.KindNotAuthenticated, "over"))
	}
	for err == nil { // an error frame comes before
		_, _, err = c.Read(t.Context())
	}
	if websocket.CloseStatus(err) != 4401 {
		t.Errorf("the connection ended with %v", err)
	}
	if n := told.times.Load(); n != 1 {
		t.Errorf("it is told %d times", n)
	}
}

// heard counts how often a message is logged.
type heard struct {
	slog.Handler

	message string
	times   atomic.Int32
}

func (h *heard) Enabled(context.Context, slog.Level) bool { return true }

func (h *heard) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *heard) Handle(_ context.Context, r slog.Record) error { //nolint:gocritic // the interface has it so
	if r.Message == h.message {
		h.times.Add(1)
	}
	return nil
}
