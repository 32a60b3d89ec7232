package cli_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
)

// cutting is a proxy that cuts its first connection when a message has come, and acknowledges each message on the others.
func cutting(t *testing.T) *httptest.Server {
	t.Helper()
	const ack = `[{"topic":"t","partition":0,"offset":0,"timestamp":1}]`
	var connections atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		isFirst := connections.Add(1) == 1
		for {
			if _, _, err := ws.Read(r.Context()); err != nil || isFirst {
				return
			}
			if err := ws.Write(r.Context(), websocket.MessageText, []byte(ack)); err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// TestWhatWasSentAgainIsTold although all lines were acknowledged: they may be in Kafka twice.
func TestWhatWasSentAgainIsTold(t *testing.T) {
	s := cutting(t)
	code, _, stderr := pipe(t, "one\n", "produce", "-t", "t", "--url", s.URL)
	const want = "all lines were acknowledged; 1 of 1 acknowledged messages were sent again after a lost connection, and may be there twice\n"
	if code != 0 || !strings.HasSuffix(stderr, want) {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
