package e2e

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/coder/websocket"
	"github.com/hamba/avro/v2"
)

// avroClient is a client that speaks Avro, by the schemas that the proxy serves.
type avroClient struct {
	*client
	schemas map[string]avro.Schema
}

// avroSchemas gets the schemas from the proxy.
func avroSchemas(t *testing.T, p *proxy) map[string]avro.Schema {
	t.Helper()
	schemas := make(map[string]avro.Schema)
	for _, name := range []string{"producer/record", "producer/result", "consumer/record", "consumer/commit"} {
		r := p.get(t, "/schemas/avro/"+name)
		schema, err := avro.ParseBytesWithCache([]byte(r.body), "", &avro.SchemaCache{})
		if err != nil || r.status != 200 || r.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %v %s", name, r.status, err, r.body)
		}
		schemas[name] = schema
	}
	return schemas
}

func (p *proxy) avroIn(t *testing.T, topic string, parameters ...string) *avroClient {
	t.Helper()
	return &avroClient{p.in(t, topic, append(parameters, "socketPayload=avro")...), avroSchemas(t, p)}
}

func (p *proxy) avroOut(t *testing.T, topic string, parameters ...string) *avroClient {
	t.Helper()
	return &avroClient{p.out(t, topic, append(parameters, "socketPayload=avro")...), avroSchemas(t, p)}
}

type avroHeader struct {
	Key   string `avro:"key"`
	Value string `avro:"value"`
}

// avroMessage is a message to produce. The branch of key and value goes with the Go type.
type avroMessage struct {
	Key     any           `avro:"key"`
	Value   any           `avro:"value"`
	Headers *[]avroHeader `avro:"headers"`
	ID      *string       `avro:"clientMessageId"`
}

type avroResult struct {
	Topic     string  `avro:"topic"`
	Partition int32   `avro:"partition"`
	Offset    int64   `avro:"offset"`
	Timestamp int64   `avro:"timestamp"`
	ID        *string `avro:"clientMessageId"`
}

type avroRecord struct {
	ID        string        `avro:"wsProxyMessageId"`
	Topic     string        `avro:"topic"`
	Partition int32         `avro:"partition"`
	Offset    int64         `avro:"offset"`
	Timestamp int64         `avro:"timestamp"`
	Key       any           `avro:"key"`
	Value     any           `avro:"value"`
	Headers   *[]avroHeader `avro:"headers"`
}

type avroCommit struct {
	ID string `avro:"wsProxyMessageId"`
}

// encode makes a datum.
func (c *avroClient) encode(schema string, datum any) string {
	c.t.Helper()
	text, err := avro.Marshal(c.schemas[schema], datum)
	if err != nil {
		c.t.Fatalf("%+v as %s: %v", datum, schema, err)
	}
	return string(text)
}

// sendBinary sends a binary message.
func (c *avroClient) sendBinary(message string) {
	c.t.Helper()
	if err := c.write(websocket.MessageBinary, message); err != nil {
		c.t.Fatalf("sending %.100x: %v", message, err)
	}
}

func (c *avroClient) produce(m avroMessage) {
	c.t.Helper()
	c.sendBinary(c.encode("producer/record", m))
}

func (c *avroClient) commit(id string) {
	c.t.Helper()
	c.sendBinary(c.encode("consumer/commit", avroCommit{id}))
}

// receive reads the next message.
func (c *avroClient) receive() (kind websocket.MessageType, message []byte) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	kind, message, err := c.conn.Read(ctx)
	if err != nil {
		c.t.Fatalf("reading: %v", err)
	}
	c.transcript.received(kind, message)
	return kind, message
}

// datum reads the next message, which must be binary, and nothing but a datum.
func (c *avroClient) datum(schema string, into any) {
	c.t.Helper()
	kind, message := c.receive()
	if kind != websocket.MessageBinary {
		c.t.Fatalf("got %s, want a %s", message, schema)
	}
	r := avro.NewReader(nil, 0).Reset(message)
	if r.ReadVal(c.schemas[schema], into); r.Error != nil {
		c.t.Fatalf("%x is no %s: %v", message, schema, r.Error)
	}
	if r.Peek(); r.Error == nil {
		c.t.Fatalf("%x is longer than a %s", message, schema)
	}
}

func (c *avroClient) result() avroResult {
	c.t.Helper()
	var r avroResult
	c.datum("producer/result", &r)
	return r
}

func (c *avroClient) record() avroRecord {
	c.t.Helper()
	var r avroRecord
	c.datum("consumer/record", &r)
	return r
}

// avroError is an error frame.
type avroError struct {
	Error            failure
	MessageID        string
	WsProxyMessageID string
}

// failure reads the next message, which must be an error in text.
func (c *avroClient) failure(code string) avroError {
	c.t.Helper()
	kind, message := c.receive()
	var e avroError
	if err := json.Unmarshal(message, &e); kind != websocket.MessageText || err != nil || e.Error.Code != code || e.Error.Message == "" {
		c.t.Fatalf("got %v %.300q, want an error %s in text", kind, message, code)
	}
	return e
}
