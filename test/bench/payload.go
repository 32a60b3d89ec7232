package main

import (
	"encoding/binary"
	"fmt"
	"net/url"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// payload is how records go over the proxy's sockets.
type payload struct {
	parameter string // socketPayload
	op        byte   // of messages
	frames    []byte // of the records, as messages for /socket/in, one after another
	ends      []int  // of each frame in frames

	// What messages begin with, as those of errors do not: answers by their topic.
	answer   func(topic string) string
	delivery string
}

func jsonPayload(d *data) *payload {
	p := &payload{
		parameter: "json", op: frame.Text,
		answer:   func(string) string { return `{"topic":` },
		delivery: `{"wsProxyMessageId":`,
	}
	p.build(d, func(key, value []byte) []byte {
		return fmt.Appendf(nil, `{"key":{"value":"%s","format":"string"},"value":{"value":"%s","format":"string"}}`, key, value)
	})
	return p
}

// avroPayload has deliveries that begin with numbers of their own: errors have another opcode.
func avroPayload(d *data) *payload {
	p := &payload{
		parameter: "avro", op: frame.Binary,
		answer: func(topic string) string { return string(appendAvro(nil, []byte(topic))) },
	}
	p.build(d, avroMessage)
	return p
}

// avroMessage makes an AvroProducerRecord of two strings.
func avroMessage(key, value []byte) []byte {
	const keyBranch, valueBranch, null = 2, 1, 0
	message := appendAvro(binary.AppendVarint(nil, keyBranch), key)
	message = appendAvro(binary.AppendVarint(message, valueBranch), value)
	return append(message, null, null) // headers and clientMessageId
}

// appendAvro appends a string: Go's varints are those of Avro.
func appendAvro(dst, text []byte) []byte {
	return append(binary.AppendVarint(dst, int64(len(text))), text...)
}

func (p *payload) build(d *data, message func(key, value []byte) []byte) {
	for i := range d.keys {
		p.frames = frame.Append(p.frames, p.op, message(d.keys[i], d.values[i]))
		p.ends = append(p.ends, len(p.frames))
	}
}

// in is a target to which messages go, of one clientId.
func (p *payload) in(e endpoint, topic string) target {
	query := url.Values{"clientId": {"bench"}, "topic": {topic}, "socketPayload": {p.parameter}}
	return target{endpoint: e, path: "/socket/in", query: query, op: p.op, buffer: readBuffer, life: roundTimeout}
}

// out is a target from which records come.
func (p *payload) out(e endpoint, topic, group string) target {
	to := p.in(e, topic)
	to.path = "/socket/out"
	to.query.Set("groupId", group)
	return to
}

// frameRange returns count frames from the one of record number first on. They may not go
// beyond the last of the distinct records.
func (p *payload) frameRange(first, count int) []byte {
	first %= distinct
	start := 0
	if first > 0 {
		start = p.ends[first-1]
	}
	return p.frames[start:p.ends[first+count-1]]
}
