package clientcfg

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestParseJSON(t *testing.T) {
	for _, test := range []struct {
		name string
		kind Kind
		body string
		want Limits // over defaults of 7
	}{
		{"everything", Consumer, `{"group-id":"g","max-connections":3,"messages-per-second":300,"batch-size":100}`, Limits{3, 300, 100}},
		{"a producer", Producer, ` { "producer-id" : "g", "max-connections" : 3, "messages-per-second" : 300 } `, Limits{3, 300, 7}},
		{"nothing", Consumer, `{}`, Limits{7, 7, 7}},
		{"no limit", Consumer, `{"batch-size":0}`, Limits{7, 7, 0}},
		{"the highest", Consumer, `{"max-connections":2147483647}`, Limits{2147483647, 7, 7}},
		{"an escaped id", Consumer, `{"group-id":"\u0067"}`, Limits{7, 7, 7}},
	} {
		entry, err := ParseJSON(test.kind, "g", []byte(test.body))
		if got := entry.over(Limits{7, 7, 7}); got != test.want || err != nil {
			t.Errorf("%s: got %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
}

func TestParseJSONRefuses(t *testing.T) {
	const number = "must be a whole number from 0 to 2147483647."
	for _, test := range []struct {
		name, body string
		kind       proxy.Kind
		message    string
	}{
		{"nothing", ``, proxy.KindInvalidJSON, "The body is not JSON."},
		{"not JSON", `{max-connections:1}`, proxy.KindInvalidJSON, "The body is not JSON."},
		{"two values", `{} {}`, proxy.KindInvalidJSON, "The body is not JSON."},
		{"not UTF-8", "{\"group-id\":\"\xff\"}", proxy.KindInvalidJSON, "The body is not JSON."},
		{"an array", `[]`, proxy.KindInvalidValue, "The body must be an object of group-id, max-connections, messages-per-second and batch-size."},
		{"null", `null`, proxy.KindInvalidValue, "The body must be an object of group-id, max-connections, messages-per-second and batch-size."},
		{"negative", `{"max-connections":-1}`, proxy.KindInvalidValue, `"max-connections" ` + number},
		{"huge", `{"messages-per-second":2147483648}`, proxy.KindInvalidValue, `"messages-per-second" ` + number},
		{"a fraction", `{"batch-size":1.5}`, proxy.KindInvalidValue, `"batch-size" ` + number},
		{"text", `{"batch-size":"1"}`, proxy.KindInvalidValue, `"batch-size" ` + number},
		{"null in place of a limit", `{"batch-size":null}`, proxy.KindInvalidValue, `"batch-size" ` + number},
		{"true", `{"batch-size":true}`, proxy.KindInvalidValue, `"batch-size" ` + number},
		{"unknown", `{"batchSize":1}`, proxy.KindInvalidValue, `"batchSize" is unknown: use group-id, max-connections, messages-per-second and batch-size.`},
		{"the other kind's", `{"producer-id":"g"}`, proxy.KindInvalidValue, `"producer-id" is unknown: use group-id, max-connections, messages-per-second and batch-size.`},
		{"twice", `{"batch-size":1,"batch-size":1}`, proxy.KindInvalidValue, `"batch-size" is given twice.`},
		{"another id", `{"group-id":"h"}`, proxy.KindInvalidValue, `"group-id" must be the one in the path, or be left out.`},
		{"an id that is a number", `{"group-id":1}`, proxy.KindInvalidValue, `"group-id" must be the one in the path, or be left out.`},
		{
			"a long name", `{"` + strings.Repeat("x", 5000) + `":1}`, proxy.KindInvalidValue,
			`"` + strings.Repeat("x", 100) + `" is unknown: use group-id, max-connections, messages-per-second and batch-size.`,
		},
	} {
		_, err := ParseJSON(Consumer, "g", []byte(test.body))
		if err == nil || err.Kind != test.kind || err.Message != test.message {
			t.Errorf("%s: got %v, want %s: %s", test.name, err, test.kind, test.message)
		}
	}
	if _, err := ParseJSON(Producer, "p", []byte(`{"batch-size":1}`)); err == nil ||
		err.Message != `"batch-size" is unknown: use producer-id, max-connections and messages-per-second.` {
		t.Errorf("batch-size of a producer: %v", err)
	}
}
