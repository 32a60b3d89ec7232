package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// TestAProducerIsClosedAlthoughTheProxyIsSilent while a message waits for its answer, which then is that the producer is closed.
func TestAProducerIsClosedAlthoughTheProxyIsSilent(t *testing.T) {
	over, taken := make(chan struct{}), make(chan struct{}, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		if _, _, err := ws.Read(r.Context()); err != nil {
			t.Error(err)
		}
		taken <- struct{}{}
		<-over
	}))
	defer s.Close()
	defer close(over)
	c, err := New(Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Producer(ProducerOptions{Topic: "t"})
	answered := make(chan error, 1)
	if err := p.Enqueue(t.Context(), Message{Value: []byte("v")}, func(_ Ack, err error) { answered <- err }); err != nil {
		t.Fatal(err)
	}
	<-taken
	p.Close()
	if err := <-answered; !errors.Is(err, ErrClosed) {
		t.Errorf("the answer is %v", err)
	}
}
