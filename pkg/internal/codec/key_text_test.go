package codec

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAppendKeyText(t *testing.T) {
	for name, test := range map[string]struct {
		key    string
		format proxy.Format
		avro   bool
		want   string
	}{
		"text":                {"a\"b\n", proxy.FormatNone, false, "a\"b\n"},
		"no text":             {"\xff\x00", proxy.FormatNone, false, "/wA="},
		"string, no text":     {"\xff\x00", proxy.FormatString, false, "/wA="},
		"text with Avro":      {"abc", proxy.FormatNone, true, "YWJj"},
		"string with Avro":    {"abc", proxy.FormatString, true, "abc"},
		"long":                {"\x00\x00\x00\x00\x00\x00\x01\x02", proxy.FormatLong, false, "258"},
		"long, too short":     {"\x01", proxy.FormatLong, false, "AQ=="},
		"JSON, an object":     {`{"a": 1}`, proxy.FormatJSON, false, `{"a": 1}`},
		"JSON, a string":      {`"a\u0062"`, proxy.FormatJSON, false, "ab"},
		"JSON, none":          {`{`, proxy.FormatJSON, false, "ew=="},
		"bytes":               {"abc", proxy.FormatByteArray, false, "YWJj"},
		"an empty one":        {"", proxy.FormatNone, false, ""},
		"an empty JSON value": {"", proxy.FormatJSON, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := AppendKeyText([]byte("x"), []byte(test.key), test.format, test.avro); string(got) != "x"+test.want {
				t.Errorf("got %q, want %q", got[1:], test.want)
			}
		})
	}
}
