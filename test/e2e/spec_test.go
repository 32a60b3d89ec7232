package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/spec"
)

// specifications are the proxy's, with which the suite compares all requests and messages.
type specifications struct {
	http    *spec.HTTP
	sockets *spec.Sockets
}

// specified reads the specifications once.
var specified = sync.OnceValue(func() specifications {
	h, err := spec.NewHTTP()
	if err != nil {
		panic(err)
	}
	s, err := spec.NewSockets()
	if err != nil {
		panic(err)
	}
	return specifications{h, s}
})

// checked accepts only answers that the OpenAPI document has.
type checked struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := specified().http.Check(answer); err != nil {
		_ = answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// The first messages of a connection are compared with the AsyncAPI document, and then a sample:
// comparing takes longer than sending.
const (
	comparedFirst = 100
	comparedEvery = 100
)

// transcript compares the messages of one connection with the AsyncAPI document: messages from the proxy
// with those that it may send, and messages that it accepted, or refused for their shape, with those that
// the document says it accepts.
type transcript struct {
	t       *testing.T
	address string
	avro    bool // records are not JSON

	mu       sync.Mutex
	count    int
	awaiting [][]byte // sent to /socket/in and not answered yet
	misfits  int      // sent to /socket/out
	errors   int      // from /socket/out
	seen     map[string]bool
}

func newTranscript(t *testing.T, target string) *transcript {
	t.Helper()
	address, query, _ := strings.Cut(target, "?")
	for _, known := range []string{"/socket/in", "/socket/out", "/socket/tail", "/socket/queue"} { // which may lie below a prefix
		if strings.HasSuffix(address, known) {
			address = known
		}
	}
	r := &transcript{t: t, address: address, avro: strings.Contains(query, "socketPayload=avro"), seen: make(map[string]bool)}
	t.Cleanup(r.end)
	return r
}

// sent records a message before it is sent.
func (r *transcript) sent(message string) {
	if r.avro {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.address == "/socket/in" {
		r.awaiting = append(r.awaiting, []byte(message))
		return
	}
	name, err := specified().sockets.Sent(r.address, []byte(message))
	if err != nil {
		r.misfits++
		return
	}
	r.seen[name] = true
}

// sentAside records a message to /socket/in that is not to be compared, before it is sent.
func (r *transcript) sentAside() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.awaiting = append(r.awaiting, nil)
}

// received compares a message from the proxy.
func (r *transcript) received(kind websocket.MessageType, message []byte) {
	if kind == websocket.MessageBinary && r.avro {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var question []byte
	if len(r.awaiting) > 0 {
		question, r.awaiting = r.awaiting[0], r.awaiting[1:]
	}
	failed := bytes.HasPrefix(message, []byte(`{"error"`))
	if r.count++; r.count > comparedFirst && r.count%comparedEvery != 0 && !failed {
		return
	}
	if kind != websocket.MessageText {
		r.t.Errorf("a binary message came from %s: %q", r.address, message)
	}
	name, err := specified().sockets.Received(r.address, message)
	switch {
	case err != nil:
		r.t.Error(err)
	case r.avro && !textual(r.address, name):
		r.t.Errorf("a text came from %s that must be Avro: %s", r.address, message)
	case name == "error":
		r.errors++
	}
	r.seen[name] = true
	if question != nil && err == nil {
		r.compare(question, message)
	}
}

// textual tells whether a message is text with Avro too.
func textual(address, name string) bool {
	if address == "/socket/tail" {
		return !strings.HasPrefix(name, "record")
	}
	return name == "error" || name == "renewed"
}

// compare checks that no message was accepted that the document lacks, and none refused for its shape
// that the document has.
func (r *transcript) compare(question, message []byte) {
	var questions, messages []json.RawMessage
	if json.Unmarshal(message, &messages) != nil {
		r.compareOne(question, message)
		return
	}
	if err := json.Unmarshal(question, &questions); err != nil {
		return // it is nested deeper than encoding/json goes
	}
	for i, q := range questions {
		r.compareOne(fmt.Appendf(nil, "[%s]", q), messages[i])
	}
}

func (r *transcript) compareOne(question, message []byte) {
	var a answer
	if err := json.Unmarshal(message, &a); err != nil {
		r.t.Errorf("%s: %v", message, err)
		return
	}
	name, misfit := specified().sockets.Sent(r.address, question)
	r.seen[name] = true
	switch {
	case a.Error == nil && misfit != nil:
		r.t.Errorf("taken, though %v", misfit)
	case a.Error != nil && misfit == nil && (a.Error.Code == "INVALID_JSON" || a.Error.Code == "INVALID_MESSAGE"):
		r.t.Errorf("%.300s is refused by %s, though api/asyncapi.yaml has it", question, message)
	}
}

// end checks that every message that the document lacks was answered by an error.
func (r *transcript) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.misfits > r.errors {
		r.t.Errorf("%d messages were sent to %s that api/asyncapi.yaml has not, and %d errors came", r.misfits, r.address, r.errors)
	}
}
