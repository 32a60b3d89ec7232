package codec

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAppendError(t *testing.T) {
	for name, test := range map[string]struct {
		err    *proxy.Error
		idName string
		id     string
		want   string
	}{
		"with messageId":        {proxy.Errorf(proxy.KindTimeout, "no answer in %d s", 10), "messageId", "m1", `x{"error":{"code":"TIMEOUT","message":"no answer in 10 s","retriable":true},"messageId":"m1"}`},
		"with empty messageId":  {proxy.Errorf(proxy.KindInvalidValue, "m"), "messageId", "", `x{"error":{"code":"INVALID_VALUE","message":"m","retriable":false},"messageId":""}`},
		"without":               {proxy.Errorf(proxy.KindInvalidJSON, "m"), "", "ignored", `x{"error":{"code":"INVALID_JSON","message":"m","retriable":false}}`},
		"with wsProxyMessageId": {proxy.Errorf(proxy.KindNotAssigned, "m"), MessageIDName, "t-0-1-2", `x{"error":{"code":"NOT_ASSIGNED","message":"m","retriable":false},"wsProxyMessageId":"t-0-1-2"}`},
		"hides the cause":       {proxy.Wrap(proxy.Errorf(proxy.KindInternal, "secret"), proxy.KindInternal, "m"), "", "", `x{"error":{"code":"INTERNAL","message":"m","retriable":true}}`},
		"escapes":               {proxy.Errorf(proxy.KindInvalidMessage, "\"\\\b\f\n\r\t\x00\x1f\x7fé\xff\u2028"), "messageId", "\xc3(", `x{"error":{"code":"INVALID_MESSAGE","message":"\"\\\b\f\n\r\t\u0000\u001f` + "\x7fé\ufffd\u2028" + `","retriable":false},"messageId":"` + "\ufffd(" + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := AppendError([]byte("x"), test.err, test.idName, test.id)
			if string(got) != test.want || !isJSON(got[1:]) {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// FuzzQuoted states that every string becomes a JSON string that reads back as the same
// characters, with U+FFFD for each byte that is not UTF-8, and that nothing is escaped that
// need not be.
func FuzzQuoted(f *testing.F) {
	for _, seed := range []string{"", "plain text of more than eight", "\"\\\b\f\n\r\t\x00\x1f\x7f", "é€😀\u2028", "\xff\xc3(\xed\xa0\x80", "1234567\"", "\xf0\x9f\x98"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := appendQuoted(nil, s)
		if fromBytes := appendQuoted([]byte{}, []byte(s)); !bytes.Equal(fromBytes, quoted) {
			t.Fatalf("%q: string gives %s, bytes %s", s, quoted, fromBytes)
		}
		got, err := jsontext.AppendUnquote(nil, quoted)
		if want := string([]rune(s)); err != nil || string(got) != want {
			t.Fatalf("%s reads as %q (%v), want %q", quoted, got, err, want)
		}
		if least, _ := jsontext.AppendQuote(nil, string(got)); len(quoted) > len(least) {
			t.Fatalf("%s is longer than %s", quoted, least)
		}
	})
}
