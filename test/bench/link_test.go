package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// TestLink has the WebSocket library on the other side: it is strict about what it reads.
func TestLink(t *testing.T) {
	long := strings.Repeat("x", 70_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("topic") != "a&b" {
			http.Error(w, "another topic", http.StatusBadRequest)
			return
		}
		echo(t, w, r)
	}))
	t.Cleanup(server.Close)
	l, err := open(t.Context(), to(server, map[string][]string{"topic": {"a&b"}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "short", strings.Repeat("y", 300), long} {
		if _, err := l.conn.Write(frame.Append(nil, frame.Text, []byte(text))); err != nil {
			t.Fatal(err)
		}
		got, err := l.next()
		if err != nil || string(got) != text {
			t.Fatalf("got %d bytes back (%v), sent %d", len(got), err, len(text))
		}
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}

func to(server *httptest.Server, query map[string][]string) target {
	e := endpoint{addr: server.Listener.Addr().String()}
	return target{endpoint: e, path: "/", query: query, op: frame.Text, buffer: readBuffer, life: roundTimeout}
}

// echo sends each message back after a ping of its own was answered.
func echo(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(-1)
	messages := make(chan []byte, 1)
	go func() {
		defer close(messages)
		for {
			_, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			messages <- message
		}
	}()
	for message := range messages {
		if err := c.Ping(r.Context()); err != nil {
			t.Errorf("a ping was not answered: %v", err)
		}
		if err := c.Write(r.Context(), websocket.MessageText, message); err != nil {
			t.Error(err)
		}
	}
}

func TestLinkRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, err := open(t.Context(), to(server, nil))
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v, want the status", err)
	}
}
