package spec_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

// answer is a request and what it gets.
type answer struct {
	method, target, sent string
	asked                []string // headers of the request: name, value, name, value
	status               int
	body                 string
	headers              []string
}

func answered(method, target string, status int, body string, headers ...string) answer {
	return answer{method: method, target: target, status: status, body: body, headers: headers}
}

// response is the answer as a client gets it.
func (a answer) response(t *testing.T) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), a.method, "http://localhost:8078"+a.target, strings.NewReader(a.sent))
	if err != nil {
		t.Fatal(err)
	}
	set(request.Header, a.asked)
	response := &http.Response{
		StatusCode: a.status, Header: http.Header{
			"Date": {"now"}, "Content-Length": {"1"}, "Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
			"Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"},
		},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: request,
	}
	set(response.Header, a.headers)
	return response
}

func set(header http.Header, values []string) {
	for i := 0; i < len(values); i += 2 {
		header.Set(values[i], values[i+1])
	}
}

func TestHTTPFindsFaults(t *testing.T) {
	h, err := spec.NewHTTP()
	if err != nil {
		t.Fatal(err)
	}
	const kind, isJSON, cache, noStore = "Content-Type", "application/json", "Cache-Control", "no-store"
	upgrade := []string{cache, noStore, "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}
	for _, test := range []struct {
		name   string
		answer answer
		fault  string // in what is said of it; empty where it is right
	}{
		{"right", answered("GET", "/healthcheck", 200, `{"response":"I'm healthy"}`, kind, isJSON, cache, noStore), ""},
		{"right, below a prefix", answered("GET", "/a/healthcheck", 200, `{"response":"I'm healthy"}`, kind, isJSON, cache, noStore), ""},
		{"right, HEAD", answered("HEAD", "/healthcheck", 200, "", kind, isJSON, cache, noStore), ""},
		{"right, no such path", answered("GET", "/x", 404, `{"code":"NOT_FOUND","message":"x"}`, kind, isJSON, cache, noStore), ""},
		{"right, no such method", answered("PUT", "/livez", 405, `{"code":"METHOD_NOT_ALLOWED","message":"x"}`, kind, isJSON, cache, noStore, "Allow", "GET, HEAD"), ""},
		{"right, a handshake", answeredHandshake("?clientId=c&topic=t", upgrade...), ""},
		{"right, a body of some limits", limits(`{"messages-per-second":4}`), ""},
		{"a body with a null", limits(`{"messages-per-second":4,"batch-size":null}`), "batch-size"},
		{"a wrong value", answered("GET", "/healthcheck", 200, `{"response":"fine"}`, kind, isJSON, cache, noStore), "healthy"},
		{"a missing member", answered("GET", "/kafka/cluster/info", 200, `[{"id":1,"host":"h"}]`, kind, isJSON, cache, noStore), "port"},
		{"a wrong type", answered("GET", "/kafka/cluster/info", 200, `[{"id":"1","host":"h","port":1}]`, kind, isJSON, cache, noStore), "integer"},
		{"a member that is not described", answered("GET", "/kafka/cluster/info", 200, `[{"id":1,"host":"h","port":1,"x":1}]`, kind, isJSON, cache, noStore), "x"},
		{"a member of an error that is not described", answered("GET", "/x", 404, `{"code":"NOT_FOUND","message":"x","stack":"x"}`, kind, isJSON, cache, noStore), "stack"},
		{"no JSON", answered("GET", "/livez", 200, `live`, kind, isJSON, cache, noStore), "decode"},
		{"a status that is not described", answered("GET", "/livez", 204, ""), "204"},
		{"a code of another status", answered("GET", "/socket/in", 403, `{"code":"TOPIC_NOT_FOUND","message":"x"}`, kind, isJSON, cache, noStore), "NOT_AUTHORIZED"},
		{"an unknown code", answered("GET", "/socket/in", 400, `{"code":"BAD_LUCK","message":"x"}`, kind, isJSON, cache, noStore), "INVALID_PARAMETER"},
		{"another content type", answered("GET", "/livez", 200, `{"live":true}`, kind, "text/html", cache, noStore), "text/html"},
		{"a missing header", answered("GET", "/livez", 200, `{"live":true}`, kind, isJSON), "Cache-Control"},
		{"a wrong header", answered("GET", "/livez", 200, `{"live":true}`, kind, isJSON, cache, "public"), "no-store"},
		{"a missing header of all answers", answered("GET", "/openapi.yaml", 200, "{openapi: 3, info: {}, paths: {}}", kind, "application/yaml"), "Cache-Control"},
		{"a header that is not described", answered("GET", "/livez", 200, `{"live":true}`, kind, isJSON, cache, noStore, "Server", "x"), "Server"},
		{"one where none is described", answered("GET", "/openapi.yaml", 200, "{openapi: 3, info: {}, paths: {}}", kind, "application/yaml", "ETag", "x"), "Etag"},
		{"a method that is not described", answered("PUT", "/livez", 405, `{"code":"METHOD_NOT_ALLOWED","message":"x"}`, kind, isJSON, cache, noStore, "Allow", "GET, POST"), "POST"},
		{"a handshake without its header", answeredHandshake("?clientId=c&topic=t", upgrade[:6]...), "Sec-WebSocket-Accept"},
		{"an accepted handshake without topic", answeredHandshake("?clientId=c", upgrade...), "topic"},
		{"one with a wrong parameter", answeredHandshake("?clientId=c&topic=t&keyType=x", upgrade...), "keyType"},
	} {
		t.Run(test.name, func(t *testing.T) {
			response := test.answer.response(t)
			defer response.Body.Close()
			err := h.Check(response)
			if test.fault == "" && err != nil {
				t.Error(err)
			}
			if test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("got %v, want it to name %q", err, test.fault)
			}
		})
	}
}

// limits is the answer to a request that sets limits.
func limits(body string) answer {
	a := answered("PUT", "/admin/client/config/consumer/g%2Fh", 200,
		`{"group-id":"g/h","max-connections":0,"messages-per-second":4,"batch-size":0}`,
		"Content-Type", "application/json", "Cache-Control", "no-store")
	a.sent = body
	return a
}

func answeredHandshake(query string, headers ...string) answer {
	a := answered("GET", "/socket/out"+query, 101, "", headers...)
	a.asked = []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
	}
	return a
}
