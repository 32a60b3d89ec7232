package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// ended is a proxy that delivers records, and ends the connection by a close frame. closed is closed when the client has taken that.
func ended(t *testing.T, records int, code websocket.StatusCode) (c *Client, closed chan struct{}) {
	t.Helper()
	closed = make(chan struct{})
	served := make(chan struct{}, 1) // one connection
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case served <- struct{}{}:
		default:
			t.Error("there is another connection")
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		for i := range records {
			record := fmt.Appendf(nil, `{"wsProxyMessageId":"t-0-%d-1","topic":"t","partition":0,"offset":%d,"timestamp":1,"value":{"value":"v","format":"string"}}`, i, i)
			if err := ws.Write(r.Context(), websocket.MessageText, record); err != nil {
				t.Error(err)
			}
		}
		_ = ws.Close(code, "so it is") // it waits for the client's close frame
		close(closed)
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{URL: s.URL, Notify: func(err error, _ time.Duration) { t.Errorf("it is to be tried again: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	return c, closed
}

// TestATailReadsWhatCameBeforeTheEnd though it cannot grant the proxy further records anymore.
func TestATailReadsWhatCameBeforeTheEnd(t *testing.T) {
	c, closed := ended(t, 8, websocket.StatusNormalClosure)
	n := 0
	for e, err := range c.Tail(t.Context(), TailOptions{Topics: []string{"t"}, UntilEnd: true, Buffer: 8}) {
		if err != nil {
			t.Fatal(err)
		}
		<-closed
		if e.Record != nil {
			n++
		}
	}
	if n != 8 {
		t.Errorf("%d records came", n)
	}
}

// TestTheCloseCodeIsHeardAlthoughAWriteFails after it: who was replaced by another client does not come back, which would replace that one.
func TestTheCloseCodeIsHeardAlthoughAWriteFails(t *testing.T) {
	c, closed := ended(t, 8, 4409)
	for _, err := range c.Consume(t.Context(), ConsumeOptions{Topic: "t", Buffer: 8}) {
		<-closed
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Close != 4409) {
			t.Errorf("got %v", err)
		}
	}
}
