package loadclient

import (
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

func TestStampsAreFound(t *testing.T) {
	sent := time.Unix(1_800_000_000, 123_456_789)
	for name, want := range map[string]Stamp{
		"ordinary":    {Sent: sent, Number: 7},
		"final":       {Sent: sent, Number: 999_999_999_999, Final: true},
		"the epoch's": {Sent: time.Unix(0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			message := append([]byte(`{"value":{"value":"`), want.Append(nil)...)
			got, err := findStamp(append(message, `xyz"}}`...))
			if err != nil || got != (stamp{want.Sent.UnixNano(), want.Number, want.Final}) {
				t.Errorf("got %+v (%v)", got, err)
			}
			if len(want.Append(nil)) != stampLength {
				t.Errorf("%s is no %d bytes long", want.Append(nil), stampLength)
			}
			if _, err := findStamp(message[:len(message)-1]); err == nil {
				t.Error("half a stamp is found")
			}
		})
	}
}

func TestTallyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		op             byte
		payload, fails string
	}{
		"an error":             {frame.Text, `{"error":{"code":"TOPIC_NOT_FOUND"}}`, "TOPIC_NOT_FOUND"},
		"a record of others":   {frame.Text, `{"wsProxyMessageId":"a","value":{"value":"b"}}`, errNoStamp.Error()},
		"a stamp of letters":   {frame.Text, `{"wsProxyMessageId":"` + marker + strings.Repeat("x", stampLength), errNoStamp.Error()},
		"a binary message":     {frame.Binary, "", "opcode 2"},
		"a close":              {frame.Close, "\x11\x34gone", frame.ErrClosed.Error() + " with 4404: gone"},
		"a close without code": {frame.Close, "", frame.ErrClosed.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&tally{}).takeFrame(time.Now(), c.op, []byte(c.payload))
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("got %v, want %q", err, c.fails)
			}
		})
	}
}
