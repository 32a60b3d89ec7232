package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wsproxy/kafka-websocket-proxy/api"
)

// Sockets checks JSON messages against the AsyncAPI document. Any number of goroutines may use
// one.
type Sockets struct {
	doc      document
	sent     map[string][]message // by clients, by the address of a channel
	received map[string][]message // by clients
}

// message is a kind of message.
type message struct {
	name   string
	schema *jsonschema.Schema
}

// NewSockets reads the AsyncAPI document.
func NewSockets() (*Sockets, error) {
	text, err := api.AsyncAPI()
	if err != nil {
		return nil, fmt.Errorf("reading the AsyncAPI document: %w", err)
	}
	doc, err := parse(text)
	if err != nil {
		return nil, err
	}
	closeObjects(doc.root["components"])
	s := &Sockets{doc: doc, sent: make(map[string][]message), received: make(map[string][]message)}
	compiler, err := newCompiler(doc)
	if err != nil {
		return nil, err
	}
	for name := range doc.at("operations") {
		if err := s.add(compiler, doc.at("operations", name)); err != nil {
			return nil, fmt.Errorf("operation %s: %w", name, err)
		}
	}
	return s, nil
}

const documentURL = "file:///asyncapi.json"

func newCompiler(doc document) (*jsonschema.Compiler, error) {
	text, err := json.Marshal(doc.root)
	if err != nil {
		return nil, fmt.Errorf("writing the AsyncAPI document: %w", err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the AsyncAPI document: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7) // that of AsyncAPI's Schema Object
	if err := compiler.AddResource(documentURL, resource); err != nil {
		return nil, fmt.Errorf("reading the AsyncAPI document: %w", err)
	}
	return compiler, nil
}

// add notes the messages of an operation. What the proxy receives, clients send.
func (s *Sockets) add(compiler *jsonschema.Compiler, operation object) error {
	address, ok := s.doc.follow(operation["channel"])["address"].(string)
	if !ok {
		return errors.New("its channel has no address")
	}
	mine := s.sent
	if operation["action"] == "send" {
		mine = s.received
	}
	if err := s.addMessages(compiler, mine, address, operation["messages"]); err != nil {
		return err
	}
	if reply, ok := operation["reply"].(object); ok {
		return s.addMessages(compiler, s.received, address, reply["messages"])
	}
	return nil
}

// addMessages notes the messages in JSON of a list of references to those of a channel, which
// refer to components.
func (s *Sockets) addMessages(compiler *jsonschema.Compiler, to map[string][]message, address string, list any) error {
	references, _ := list.([]any)
	for _, reference := range references {
		text, _ := reference.(object)["$ref"].(string)
		name := path.Base(text)
		known := slices.ContainsFunc(to[address], func(m message) bool { return m.name == name }) // of another operation
		if known || s.doc.at("components", "messages", name)["contentType"] != "application/json" {
			continue
		}
		schema, err := compiler.Compile(documentURL + "#/components/messages/" + name + "/payload")
		if err != nil {
			return fmt.Errorf("message %s: %w", name, err)
		}
		to[address] = append(to[address], message{name, schema})
	}
	return nil
}

// Sent returns the name of a message that a client sent to an address, or why the document has
// no such message.
func (s *Sockets) Sent(address string, text []byte) (name string, err error) {
	return check(s.sent[address], "no client may send this to "+address, text)
}

// Received returns the name of a message that a client got from an address, or why the document
// has no such message.
func (s *Sockets) Received(address string, text []byte) (name string, err error) {
	return check(s.received[address], "no client gets this from "+address, text)
}

// Names lists the messages in JSON of an address, in both directions.
func (s *Sockets) Names(address string) (names []string) {
	for _, m := range slices.Concat(s.sent[address], s.received[address]) {
		names = append(names, m.name)
	}
	return names
}

func check(messages []message, fault string, text []byte) (name string, err error) {
	if !utf8.Valid(text) {
		return "", fmt.Errorf("%s: it is not UTF-8, and so not JSON", fault)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return "", fmt.Errorf("%s: it is not JSON: %w", fault, err)
	}
	var reasons []error
	for _, m := range messages {
		err := m.schema.Validate(value)
		if err == nil {
			return m.name, nil
		}
		reasons = append(reasons, fmt.Errorf("as %s: %w", m.name, err))
	}
	return "", fmt.Errorf("%s: api/asyncapi.yaml has it not: %.300s: %w", fault, text, errors.Join(reasons...))
}
