package client

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// control is a message of the proxy that is no record: one of its members is set.
type control struct {
	Error     *failure
	ID        string `json:"wsProxyMessageId"` // beside Error
	MessageID string // beside Error
	Tail      *Started
	Gap       *Gap
	Conflated *Conflated
	Snapshot  *Snapshot
	Cursor    string
	Settled   []string
	Expired   []string
	Renewed   *renewed
}

// failure is the content of an error frame.
type failure struct {
	Code, Message string
	Retriable     bool
}

type renewed struct {
	Until int64
	IDs   []string
}

func parseControl(message []byte) (control, error) {
	var c control
	err := json.Unmarshal(message, &c)
	return c, err //nolint:wrapcheck // the caller says what it was
}

// err returns the error that a message tells, or nil.
func (c *control) err() *Error {
	if c.Error == nil {
		return nil
	}
	return &Error{Code: c.Error.Code, Message: c.Error.Message, Retriable: c.Error.Retriable}
}

func isError(message []byte) bool { return bytes.HasPrefix(message, []byte(`{"error"`)) }

// parameters are those of a URL's query. What is not given is left out.
type parameters url.Values

func (p parameters) text(name, value string) {
	if value != "" {
		url.Values(p).Set(name, value)
	}
}

func (p parameters) number(name string, n int) {
	if n > 0 {
		url.Values(p).Set(name, strconv.Itoa(n))
	}
}

func (p parameters) flag(name string, is bool) {
	if is {
		url.Values(p).Set(name, "true")
	}
}

// payload sets what messages and records are.
func (p parameters) payload(o *Options) {
	if o.Avro {
		p.text("socketPayload", "avro")
	}
}

// reading sets what all endpoints that deliver records have.
func (p parameters) reading(key, value proxy.Format, readCommitted bool, rate int) {
	p.text("keyType", key.String())
	p.text("valType", value.String())
	if readCommitted {
		p.text("isolationLevel", "read_committed")
	}
	p.number("rate", rate)
}
