package workload

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// text is a key or value in the form of the protocol.
type text struct {
	Value  *string `json:"value"`
	Format string  `json:"format,omitempty"`
}

type header struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// message is a message to /socket/in.
type message struct {
	Headers   []header `json:"headers,omitempty"`
	Key       *text    `json:"key,omitempty"`
	Value     *text    `json:"value"`
	ID        string   `json:"messageId"`
	Partition *int32   `json:"partition,omitempty"`

	refused bool // the proxy must refuse it
}

// separator ends the id at the beginning of every value.
const separator = "|"

// IDOf returns the id of the message with this value.
func IDOf(value string) string {
	id, _, _ := strings.Cut(value, separator)
	return id
}

// newMessage creates a random message: with a key or a partition or neither, of any size from about least up to most, and
// sometimes one that must be refused.
func newMessage(r *rand.Rand, id string, partitions int32, least, most int) message {
	size := r.IntN(200)
	if r.IntN(20) == 0 {
		size = r.IntN(most)
	}
	size = max(size, least)
	value := id + separator + strings.Repeat("aß\"\\\n€𝄞 ", size/14)
	m := message{ID: id, Value: &text{Value: &value, Format: "string"}}
	if r.IntN(2) == 0 {
		key := anyKey(r)
		m.Key = &text{Value: &key, Format: "string"}
	}
	if r.IntN(4) == 0 {
		partition := r.Int32N(partitions)
		m.Partition = &partition
	}
	for i := range r.IntN(3) {
		m.Headers = append(m.Headers, header{fmt.Sprintf("h%d", i), id})
	}
	if r.IntN(50) == 0 {
		partition := partitions + r.Int32N(10)
		m.Partition, m.refused = &partition, true
	}
	return m
}

// idHeader is the header that names a message without a value.
const idHeader = "id"

// newMessage creates a random message as the producer needs it.
func (p *Producer) newMessage(id string) message {
	m := newMessage(p.Rand, id, p.Partitions, p.MinSize, p.MaxSize)
	if !p.Keyed {
		return m
	}
	if m.Key == nil {
		key := anyKey(p.Rand)
		m.Key = &text{Value: &key, Format: "string"}
	}
	if p.Rand.IntN(8) == 0 {
		m.Value = nil
		m.Headers = append(m.Headers, header{idHeader, id})
	}
	return m
}

// allKeys is how many keys messages have.
const allKeys = 20

func keyOf(n int) string { return fmt.Sprintf("key-%d", n) }

func anyKey(r *rand.Rand) string { return keyOf(r.IntN(allKeys)) }

func (m *message) content() string {
	var key, value *string
	if m.Key != nil {
		key = m.Key.Value
	}
	if m.Value != nil {
		value = m.Value.Value
	}
	return history.Content(key, value, contentHeaders(m.Headers))
}

func contentHeaders(headers []header) []history.Header {
	list := make([]history.Header, 0, len(headers))
	for _, h := range headers {
		list = append(list, history.Header(h))
	}
	return list
}

// answer is an answer of /socket/in.
type answer struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	ID        string   `json:"messageId"`
	Error     *failure `json:"error"`
}

// failure is the inside of an error frame.
type failure struct {
	Code      string `json:"code"`
	Retriable bool   `json:"retriable"`
}

// answers parses a frame of /socket/in: one answer, or those of a batch.
func answers(frame []byte) ([]answer, error) {
	if len(frame) > 0 && frame[0] == '[' {
		var all []answer
		err := json.Unmarshal(frame, &all)
		return all, err
	}
	var one answer
	err := json.Unmarshal(frame, &one)
	return []answer{one}, err
}

// delivery is a frame of /socket/out, also an error.
type delivery struct {
	ID        string   `json:"wsProxyMessageId"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Headers   []header `json:"headers"`
	Key       *text    `json:"key"`
	Value     *text    `json:"value"`
	Error     *failure `json:"error"`
}

func (d *delivery) content() string {
	var key, value *string
	if d.Key != nil {
		key = d.Key.Value
	}
	if d.Value != nil {
		value = d.Value.Value
	}
	return history.Content(key, value, contentHeaders(d.Headers))
}

// tailFrame is a frame of /socket/tail: a record, an error, or what its first member tells.
type tailFrame struct {
	delivery

	Topic     string         `json:"topic"`
	Gap       *tailGap       `json:"gap"`
	Conflated *tailConflated `json:"conflated"`
	Snapshot  *tailSnapshot  `json:"snapshot"`
	Cursor    string         `json:"cursor"`

	Tail *struct {
		Reason string `json:"reason"`
	} `json:"tail"`
	Subscribed *struct {
		Topic string `json:"topic"`
	} `json:"subscribed"`
}

type tailGap struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
	Reason    string `json:"reason"`
}

type tailConflated struct {
	Topic   string `json:"topic"`
	Records int    `json:"records"`
}

type tailSnapshot struct {
	Topic string `json:"topic"`
	State string `json:"state"`
	Keys  int    `json:"keys"`
}

// queueFrame is a frame of /socket/queue: a record, an error, or what its first member tells.
type queueFrame struct {
	delivery

	Delivery *struct {
		Count int   `json:"count"`
		Until int64 `json:"until"`
	} `json:"delivery"`
	Settled []string `json:"settled"`
	Renewed *struct {
		IDs []string `json:"ids"`
	} `json:"renewed"`
	Expired []string `json:"expired"`
}
