package codec

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestDecodeCommit(t *testing.T) {
	out := NewJSONOut(OutSettings{Topic: "foo-bar"})
	want := proxy.Position{Topic: "foo-bar", Partition: 3, Offset: 42, Timestamp: 1554402266846}
	for name, frame := range map[string]string{
		"plain":           `{"wsProxyMessageId":"foo-bar-3-42-1554402266846"}`,
		"white space":     " {\n\"wsProxyMessageId\" : \"foo-bar-3-42-1554402266846\"\t} ",
		"unknown members": `{"a":[{}],"wsProxyMessageId":"foo-bar-3-42-1554402266846","b":1}`,
		"escapes":         `{"wsProxyM\u0065ssageId":"foo\u002dbar-3-42-1554402266846"}`,
		"last of two":     `{"wsProxyMessageId":5,"wsProxyMessageId":"foo-bar-3-42-1554402266846"}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := []byte(frame)
			got, err := out.DecodeCommit(b)
			clear(b)
			if err != nil || got.Position != want || !got.HasID || got.ID != "foo-bar-3-42-1554402266846" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestDecodeCommitRefuses(t *testing.T) {
	const none = "none"
	out := NewJSONOut(OutSettings{Topic: "foo"})
	for name, test := range map[string]struct {
		frame string
		kind  proxy.Kind
		id    string // none: it is not known
	}{
		"nothing":            {"", proxy.KindInvalidJSON, none},
		"not JSON":           {`{"wsProxyMessageId":"foo-0-1-2"`, proxy.KindInvalidJSON, none},
		"more after it":      {`{"wsProxyMessageId":"foo-0-1-2"}x`, proxy.KindInvalidJSON, none},
		"open brackets":      {strings.Repeat("[", 1<<20), proxy.KindInvalidJSON, none},
		"array":              {`[{"wsProxyMessageId":"foo-0-1-2"}]`, proxy.KindInvalidMessage, none},
		"string":             {`"foo-0-1-2"`, proxy.KindInvalidMessage, none},
		"empty object":       {`{}`, proxy.KindInvalidMessage, none},
		"other object":       {`{"messageId":"foo-0-1-2"}`, proxy.KindInvalidMessage, none},
		"null id":            {`{"wsProxyMessageId":null}`, proxy.KindInvalidMessage, none},
		"number as id":       {`{"wsProxyMessageId":1}`, proxy.KindInvalidMessage, none},
		"empty id":           {`{"wsProxyMessageId":""}`, proxy.KindUnknownMessageID, ""},
		"too few parts":      {`{"wsProxyMessageId":"foo-0-1"}`, proxy.KindUnknownMessageID, "foo-0-1"},
		"not canonical":      {`{"wsProxyMessageId":"foo-0-01-2"}`, proxy.KindUnknownMessageID, "foo-0-01-2"},
		"partition overflow": {`{"wsProxyMessageId":"foo-2147483648-1-2"}`, proxy.KindUnknownMessageID, "foo-2147483648-1-2"},
		"another topic":      {`{"wsProxyMessageId":"bar-0-1-2"}`, proxy.KindUnknownMessageID, "bar-0-1-2"},
		"half a pair":        {`{"wsProxyMessageId":"foo\ud800-0-1-2"}`, proxy.KindUnknownMessageID, none},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := out.DecodeCommit([]byte(test.frame))
			want := Commit{ID: test.id, HasID: true}
			if test.id == none {
				want = Commit{}
			}
			if err == nil || err.Kind != test.kind || got != want {
				t.Errorf("got %+v, %v", got, err)
			}
			if len(err.Message) > 200 {
				t.Errorf("a message of %d bytes", len(err.Message))
			}
		})
	}
}
