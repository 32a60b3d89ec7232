package clientcfg

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Client is a client and the limits that are configured, or in force, for it.
type Client struct {
	Kind Kind
	ID   string
	Entry
}

// members are a client's limits in JSON.
type members struct {
	MaxConnections    *int `json:"max-connections,omitempty"`
	MessagesPerSecond *int `json:"messages-per-second,omitempty"`
	BatchSize         *int `json:"batch-size,omitempty"`
}

// MarshalJSON writes the object of the admin API, without the members that are nil.
func (c Client) MarshalJSON() ([]byte, error) {
	limits := members{c.MaxConnections, c.MessagesPerSecond, c.BatchSize}
	if c.Kind == Consumer {
		return json.Marshal(struct {
			ID string `json:"group-id"`
			members
		}{c.ID, limits})
	}
	limits.BatchSize = nil
	return json.Marshal(struct {
		ID string `json:"producer-id"`
		members
	}{c.ID, limits})
}

// ParseJSON parses the body of an admin request that sets an entry. The id may be left out, and so
// may limits: the defaults apply then. The error names the member that is wrong, unknown or
// duplicated.
func ParseJSON(kind Kind, id string, body []byte) (Entry, *proxy.Error) {
	if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
		return Entry{}, proxy.Errorf(proxy.KindInvalidJSON, "The body is not JSON.")
	}
	p := entryParser{kind: kind, id: id, seen: make(map[string]bool)}
	return p.parse(body)
}

// parseValue reads the value of a record.
func parseValue(kind Kind, id string, value []byte) (Entry, *proxy.Error) {
	p := entryParser{kind: kind, id: id, lenient: true, seen: make(map[string]bool)}
	return p.parse(value)
}

// entryParser reads an entry from a JSON object.
type entryParser struct {
	kind    Kind
	id      string
	lenient bool // whether unknown members are ignored
	entry   Entry
	seen    map[string]bool
}

func (p *entryParser) parse(text []byte) (Entry, *proxy.Error) {
	d := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true))
	begin, err := d.ReadToken()
	if err != nil || begin.Kind() != '{' {
		return Entry{}, proxy.Errorf(proxy.KindInvalidValue, "The body must be an object of %s.", p.kind.memberNames())
	}
	for d.PeekKind() == '"' {
		if err := p.takeNext(d); err != nil {
			return Entry{}, err
		}
	}
	_, err = d.ReadToken()
	if _, more := d.ReadToken(); err != nil || !errors.Is(more, io.EOF) {
		return Entry{}, proxy.Errorf(proxy.KindInvalidJSON, "The body is not JSON.")
	}
	return p.entry, nil
}

func (p *entryParser) takeNext(d *jsontext.Decoder) *proxy.Error {
	token, err := d.ReadToken()
	if err != nil {
		return proxy.Wrap(err, proxy.KindInvalidJSON, "The body is not JSON.")
	}
	name := token.String()
	value, err := d.ReadValue()
	if err != nil {
		return proxy.Wrap(err, proxy.KindInvalidJSON, "The body is not JSON.")
	}
	if p.seen[name] {
		return invalid(name, "is given twice")
	}
	p.seen[name] = true
	return p.take(name, value)
}

func (p *entryParser) take(name string, value jsontext.Value) *proxy.Error {
	if name == p.kind.idName() {
		return p.takeID(name, value)
	}
	place := p.kind.member(&p.entry, name)
	if place == nil {
		if p.lenient {
			return nil
		}
		return invalid(name, "is unknown: use "+p.kind.memberNames())
	}
	n, ok := parseLimit(string(value))
	if !ok {
		return invalid(name, notALimit)
	}
	*place = &n
	return nil
}

// takeID compares the id with that of the path, or of the key.
func (p *entryParser) takeID(name string, value jsontext.Value) *proxy.Error {
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil || string(text) != p.id {
		return invalid(name, "must be the one in the path, or be left out")
	}
	return nil
}

func invalid(member, what string) *proxy.Error {
	return proxy.Errorf(proxy.KindInvalidValue, "%.100q %s.", member, what)
}
