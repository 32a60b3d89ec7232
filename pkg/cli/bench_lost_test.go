package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// forgetful serves a proxy that acknowledges what is produced, and delivers nothing.
func forgetful(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		if r.URL.Path == "/socket/tail" {
			_ = ws.Write(r.Context(), websocket.MessageText, []byte(`{"tail":{"topics":[{"topic":"t","partitions":1}]}}`))
			if r.URL.Query().Get("until") == "end" {
				_ = ws.Close(websocket.StatusNormalClosure, "")
				return
			}
		}
		for {
			_, message, err := ws.Read(r.Context())
			if err != nil {
				return
			}
			if r.URL.Path == "/socket/in" {
				_ = ws.Write(r.Context(), websocket.MessageText, acks(message))
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// acks answers a message, or an array of messages.
func acks(message []byte) []byte {
	const ack = `{"topic":"t","partition":0,"offset":1,"timestamp":1}`
	var batch []json.RawMessage
	if json.Unmarshal(message, &batch) != nil {
		return []byte(ack)
	}
	return append(append([]byte("["), bytes.Repeat([]byte(","+ack), len(batch))[1:]...), ']')
}

// TestMeasuringTellsOfRecordsThatDoNotCome though they were acknowledged, in either part.
func TestMeasuringTellsOfRecordsThatDoNotCome(t *testing.T) {
	url := forgetful(t)
	for args, want := range map[string]string{
		"--messages 30 --paced 0": "of 30 records that were acknowledged 0 were read",
		"--messages 0 --paced 20": "of 20 records that were acknowledged 0 were read",
	} {
		code, _, stderr := pipe(t, "", append([]string{"bench", "-t", "t", "--url", url, "--wait", "10ms"}, strings.Fields(args)...)...)
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %s", args, code, stderr)
		}
	}
}
