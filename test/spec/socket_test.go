package spec_test

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

func sockets(t *testing.T) *spec.Sockets {
	t.Helper()
	s, err := spec.NewSockets()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSocketsKnowTheMessages(t *testing.T) {
	s := sockets(t)
	for _, test := range []struct {
		name, address string
		check         func(string, []byte) (string, error)
		text, want    string
	}{
		{"a value alone", "/socket/in", s.Sent, `{"value":{"value":"v"}}`, "produce"},
		{"a tombstone", "/socket/in", s.Sent, `{"value":null,"key":{"value":"k"}}`, "produce"},
		{"nulls for what may be absent", "/socket/in", s.Sent, `{"value":{"value":1,"format":null},"key":null,"headers":null,"messageId":null,"partition":null,"timestamp":null}`, "produce"},
		{"unknown members", "/socket/in", s.Sent, `{"value":{"value":1,"x":1},"x":1,"headers":[{"key":"k","value":"v","x":1}]}`, "produce"},
		{"a format in capitals", "/socket/in", s.Sent, `{"value":{"value":"AA==","format":"BYTE_Array"}}`, "produce"},
		{"whole numbers with a fraction or an exponent", "/socket/in", s.Sent, `{"value":{"value":1.0,"format":"int"},"partition":0.0,"timestamp":1e3}`, "produce"},
		{"the largest long", "/socket/in", s.Sent, `{"value":{"value":9223372036854775807,"format":"long"},"key":{"value":"-9223372036854775808","format":"long"}}`, "produce"},
		{"not a number", "/socket/in", s.Sent, `{"value":{"value":"NaN","format":"float"}}`, "produce"},
		{"a batch", "/socket/in", s.Sent, `[{"value":null},{"value":{"value":{},"format":"json"}}]`, "produceBatch"},
		{"an empty batch", "/socket/in", s.Sent, `[]`, "produceBatch"},
		{"a result", "/socket/in", s.Received, `{"topic":"t","partition":0,"offset":4,"timestamp":5}`, "result"},
		{"results", "/socket/in", s.Received, `[{"topic":"t","partition":0,"offset":4,"timestamp":5,"messageId":""},{"error":{"code":"TIMEOUT","message":"m","retriable":true}}]`, "resultBatch"},
		{"an error", "/socket/in", s.Received, `{"error":{"code":"INVALID_JSON","message":"m","retriable":false}}`, "error"},
		{"a record", "/socket/out", s.Received, `{"wsProxyMessageId":"t-a-0-1-2","topic":"t-a","partition":0,"offset":1,"timestamp":2,"value":{"value":null,"format":"int"}}`, "record"},
		{"an undecodable one", "/socket/out", s.Received, `{"wsProxyMessageId":"t-0-1-2","topic":"t","partition":0,"offset":1,"timestamp":2,"key":{"value":"AA==","format":"bytearray","error":{"code":"UNDECODABLE","message":"m"}},"value":{"value":"v","format":"string"}}`, "record"},
		{"one that was too long", "/socket/out", s.Received, `{"wsProxyMessageId":"t-0-1-2","topic":"t","partition":0,"offset":1,"timestamp":2,"value":{"value":null,"format":"bytearray","error":{"code":"MESSAGE_TOO_LARGE","message":"m","bytes":5}}}`, "record"},
		{"a failed commit", "/socket/out", s.Received, `{"error":{"code":"COMMIT_FAILED","message":"m","retriable":true},"wsProxyMessageId":"t-0-1-2"}`, "error"},
		{"a commit", "/socket/out", s.Sent, `{"wsProxyMessageId":"t-0-1--1"}`, "commit"},
		{"a grant", "/socket/out", s.Sent, `{"credit":1}`, "grant"},
		{"the largest grant", "/socket/out", s.Sent, `{"credit":9223372036854775807,"x":1}`, "grant"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := test.check(test.address, []byte(test.text)); got != test.want {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestSocketsFindFaults(t *testing.T) {
	s := sockets(t)
	const record = `{"wsProxyMessageId":"t-0-1-2","topic":"t","partition":0,"offset":1,"timestamp":2,"value":{"value":"v","format":"string"}`
	for _, test := range []struct {
		name, address string
		check         func(string, []byte) (string, error)
		text          string
	}{
		{"no JSON", "/socket/in", s.Sent, `x`},
		{"no UTF-8", "/socket/in", s.Sent, "{\"value\":{\"value\":\"\xff\"}}"},
		{"two values", "/socket/in", s.Sent, `{"value":null} {"value":null}`},
		{"no value", "/socket/in", s.Sent, `{"key":null}`},
		{"a bare value", "/socket/in", s.Sent, `{"value":"v"}`},
		{"an unknown format", "/socket/in", s.Sent, `{"value":{"value":1,"format":"integer"}}`},
		{"a fraction for an int", "/socket/in", s.Sent, `{"value":{"value":1.5,"format":"int"}}`},
		{"too large a short", "/socket/in", s.Sent, `{"value":{"value":32768,"format":"short"}}`},
		{"too large a long", "/socket/in", s.Sent, `{"value":{"value":9223372036854775808,"format":"long"}}`},
		{"base64 without padding", "/socket/in", s.Sent, `{"value":{"value":"AA","format":"bytearray"}}`},
		{"a negative partition", "/socket/in", s.Sent, `{"value":null,"partition":-1}`},
		{"a header without a value", "/socket/in", s.Sent, `{"value":null,"headers":[{"key":"k"}]}`},
		{"a batch in a batch", "/socket/in", s.Sent, `[[{"value":null}]]`},
		{"a result with another member", "/socket/in", s.Received, `{"topic":"t","partition":0,"offset":4,"timestamp":5,"key":"k"}`},
		{"a result without an offset", "/socket/in", s.Received, `{"topic":"t","partition":0,"timestamp":5}`},
		{"an error with another code", "/socket/in", s.Received, `{"error":{"code":"OOPS","message":"m","retriable":true}}`},
		{"an error without a message", "/socket/in", s.Received, `{"error":{"code":"TIMEOUT","message":"","retriable":true}}`},
		{"an error that is not retriable and says so", "/socket/in", s.Received, `{"error":{"code":"INVALID_JSON","message":"m","retriable":true}}`},
		{"one that is retriable and does not say so", "/socket/in", s.Received, `{"error":{"code":"TIMEOUT","message":"m","retriable":false}}`},
		{"an error with another member", "/socket/in", s.Received, `{"error":{"code":"TIMEOUT","message":"m","retriable":true,"cause":"x"}}`},
		{"what only clients send", "/socket/in", s.Received, `{"value":null}`},
		{"a record from the wrong socket", "/socket/in", s.Received, record + `}`},
		{"a record with another member", "/socket/out", s.Received, record + `,"size":1}`},
		{"a record with no headers", "/socket/out", s.Received, record + `,"headers":[]}`},
		{"a record with a null key", "/socket/out", s.Received, record + `,"key":null}`},
		{"a record with a format in capitals", "/socket/out", s.Received, strings.Replace(record, `"string"`, `"STRING"`, 1) + `}`},
		{"a record with a number for a string", "/socket/out", s.Received, strings.Replace(record, `"v"`, `1`, 1) + `}`},
		{"a long as a string of letters", "/socket/out", s.Received, strings.Replace(record, `"string"`, `"long"`, 1) + `}`},
		{"an unknown socket", "/socket/tails", s.Received, record + `}`},
		{"a subscription with no topic", "/socket/tail", s.Sent, `{"subscribe":{"keys":["k"]}}`},
		{"a key that is no text", "/socket/tail", s.Sent, `{"track":{"topic":"t","keys":[1]}}`},
		{"a place that is none", "/socket/tail", s.Sent, `{"subscribe":{"topic":"t","from":"first"}}`},
		{"a condition with two tests", "/socket/tail", s.Sent, `{"subscribe":{"topic":"t","where":{"json":"/a","gt":1,"lt":2}}}`},
		{"a condition with an unknown test", "/socket/tail", s.Sent, `{"subscribe":{"topic":"t","where":{"not":{"json":"/a","is":1}}}}`},
		{"a comparison with a text", "/socket/tail", s.Sent, `{"subscribe":{"topic":"t","where":{"and":[{"header":"h","gt":"1"}]}}}`},
		{"a commit without a group", "/socket/tail", s.Sent, `{"wsProxyMessageId":"t-0-1-2"}`},
		{"a tail that is not resumed without a reason", "/socket/tail", s.Received, `{"tail":{"topics":[{"topic":"t","partitions":1}],"resumed":false}}`},
		{"a gap for an unknown reason", "/socket/tail", s.Received, `{"gap":{"topic":"t","partition":0,"from":1,"to":2,"reason":"LOST"}}`},
		{"the end of a snapshot without a count", "/socket/tail", s.Received, `{"snapshot":{"topic":"t","state":"end"}}`},
		{"a batch of nothing", "/socket/tail", s.Received, `[]`},
		{"a grant of nothing", "/socket/out", s.Sent, `{"credit":0}`},
		{"a grant of a fraction", "/socket/out", s.Sent, `{"credit":1.5}`},
		{"too large a grant", "/socket/out", s.Sent, `{"credit":9223372036854775808}`},
		{"a grant to a producer", "/socket/in", s.Sent, `{"credit":1}`},
		{"a commit by position", "/socket/out", s.Sent, `{"partition":0,"offset":1}`},
		{"a commit without a timestamp", "/socket/out", s.Sent, `{"wsProxyMessageId":"t-0"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if name, err := test.check(test.address, []byte(test.text)); err == nil {
				t.Errorf("it passes as %s", name)
			}
		})
	}
}
