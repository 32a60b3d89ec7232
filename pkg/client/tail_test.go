package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// TestATailThatBeginsAtACursorGoesOnThere where its connection ends before it has another cursor: nothing is missing then.
func TestATailThatBeginsAtACursorGoesOnThere(t *testing.T) {
	queries := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries <- fmt.Sprint(r.URL.Query()["from"], r.URL.Query()["after"])
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		record := fmt.Appendf(nil, `{"wsProxyMessageId":"t-0-%d-1","topic":"t","partition":0,"offset":%d,"timestamp":1,"value":{"value":"v","format":"string"}}`,
			len(queries), len(queries))
		if err := ws.Write(r.Context(), websocket.MessageText, record); err != nil {
			t.Error(err)
		}
		_ = ws.Close(websocket.StatusServiceRestart, "")
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for e, err := range c.Tail(t.Context(), TailOptions{Topics: []string{"t"}, From: "cursor:X"}) {
		if err != nil || e.Record == nil {
			t.Fatalf("got %+v, %v", e, err)
		}
		if n++; n == 2 {
			break
		}
	}
	if first, second := <-queries, <-queries; first != "[cursor:X] []" || second != "[cursor:X] [0:1]" {
		t.Errorf("it began at %s, and went on at %s", first, second)
	}
}
