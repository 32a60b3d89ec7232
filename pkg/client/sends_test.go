package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// TestAnAnswerTellsHowOftenItsMessageWasSent where the first connection ends before it.
func TestAnAnswerTellsHowOftenItsMessageWasSent(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		avro   bool
		code   string
	}{
		"ack":             {answer: `[{"topic":"t","partition":3,"offset":4,"timestamp":5}]`},
		"refusal":         {`[{"error":{"code":"OVERLOADED","message":"no","retriable":true}}]`, false, "OVERLOADED"},
		"refusal of Avro": {`{"error":{"code":"OVERLOADED","message":"no","retriable":true},"messageId":"m"}`, true, "OVERLOADED"},
	} {
		t.Run(name, func(t *testing.T) {
			p := answering(t, test.answer, Options{Avro: test.avro})
			for _, sends := range []int{2, 1} {
				ack, err := p.Send(t.Context(), Message{Value: []byte("v")})
				want := Ack{Sends: sends}
				if test.code == "" {
					want = Ack{3, 4, 5, sends}
				}
				if e, _ := errors.AsType[*Error](err); ack != want || (err != nil) != (test.code != "") || e != nil && e.Code != test.code {
					t.Errorf("got %+v, %v, want %+v", ack, err, want)
				}
			}
		})
	}
}

// answering returns a producer whose first connection ends at the first message; others answer each.
func answering(t *testing.T, answer string, o Options) *Producer {
	t.Helper()
	var connections atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		for first := connections.Add(1) == 1; ; {
			if _, _, err := ws.Read(r.Context()); err != nil || first {
				return
			}
			if err := ws.Write(r.Context(), websocket.MessageText, []byte(answer)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	o.URL = s.URL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Producer(ProducerOptions{Topic: "t"})
	t.Cleanup(p.Close)
	return p
}

// TestAMessageThatWasNeverSentSaysSo when its producer is closed: it is not in Kafka.
func TestAMessageThatWasNeverSentSaysSo(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	c, err := New(Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Producer(ProducerOptions{Topic: "t"})
	answered := make(chan Ack, 1)
	if err := p.Enqueue(t.Context(), Message{Value: []byte("v")}, func(ack Ack, err error) {
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		answered <- ack
	}); err != nil {
		t.Fatal(err)
	}
	p.Close()
	if ack := <-answered; ack.Sends != 0 {
		t.Errorf("it was sent %d times", ack.Sends)
	}
}
