package codec

import (
	"math"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestDecodeGrant(t *testing.T) {
	for name, test := range map[string]struct {
		frame string
		want  int64
	}{
		"plain":           {`{"credit":5}`, 5},
		"white space":     {" {\n\"credit\" : 5\t} ", 5},
		"unknown members": {`{"x":[{"credit":"x"}],"credit":5,"y":1}`, 5},
		"escapes":         {`{"cr\u0065dit":5}`, 5},
		"last of two":     {`{"credit":"x","credit":5}`, 5},
		"a fraction of 0": {`{"credit":5.0}`, 5},
		"an exponent":     {`{"credit":1e2}`, 100},
		"the largest":     {`{"credit":9223372036854775807}`, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			if n, is, err := DecodeGrant([]byte(test.frame)); n != test.want || !is || err != nil {
				t.Errorf("got %d, %t, %v", n, is, err)
			}
		})
	}
}

func TestDecodeGrantRefuses(t *testing.T) {
	for name, value := range map[string]string{
		"negative": "-1", "nothing": "0", "minus nothing": "-0", "a fraction": "1.5", "text": `"5"`, "null": "null", "true": "true",
		"an array": "[5]", "an object": `{"credit":5}`, "beyond int64": "9223372036854775808", "far beyond": "1e400",
		"long": strings.Repeat("9", 10_000), "deep": strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			n, is, err := DecodeGrant([]byte(`{"credit":` + value + `}`))
			if n != 0 || !is || err == nil || err.Kind != proxy.KindInvalidMessage || len(err.Message) > 200 ||
				!strings.HasPrefix(err.Message, "credit is "+value[:1]) || !strings.HasSuffix(err.Message, "a whole number from 1 to 9223372036854775807") {
				t.Errorf("got %d, %t, %v", n, is, err)
			}
		})
	}
}

func TestDecodeGrantLeavesOthers(t *testing.T) {
	for name, frame := range map[string]string{
		"nothing": "", "a commit": `{"wsProxyMessageId":"t-0-1-2"}`, "a commit with it": `{"credit":5,"wsProxyMessageId":"t-0-1-2"}`,
		"another case": `{"Credit":5}`, "a longer name": `{"credits":5}`, "deeper": `{"x":{"credit":5}}`, "a batch": `[{"credit":5}]`,
		"its name alone": `"credit"`, "not JSON": `{"credit":5`, "more behind it": `{"credit":5}{}`, "not UTF-8": "{\"credit\":5,\"x\":\"\xff\"}",
	} {
		t.Run(name, func(t *testing.T) {
			if n, is, err := DecodeGrant([]byte(frame)); n != 0 || is || err != nil {
				t.Errorf("got %d, %t, %v", n, is, err)
			}
		})
	}
}
