package neighbours

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// clientID is that of all connections: they share a Kafka client.
const clientID = "neighbours"

// connection is a producing connection.
type connection struct{ ws *wsclient.Conn }

func connect(t *testing.T, proxy, topic string) *connection {
	t.Helper()
	tcp, err := net.DialTimeout("tcp", proxy, patience)
	must(t, err)
	t.Cleanup(func() { _ = tcp.Close() })
	must(t, tcp.SetDeadline(time.Now().Add(5*patience)))
	values := url.Values{"clientId": {clientID}, "topic": {topic}}
	ws, err := wsclient.Open(tcp, "/socket/in?"+values.Encode())
	must(t, err)
	return &connection{ws}
}

// answer is what the proxy answers a message.
type answer struct {
	Offset    int64
	MessageID string
	Error     *struct {
		Code      string
		Retriable bool
	}
}

// code is the error's, or empty.
func (a *answer) code() string {
	if a.Error == nil {
		return ""
	}
	return a.Error.Code
}

// retriable tells whether the message is to be sent again.
func (a *answer) retriable() bool { return a.Error != nil && a.Error.Retriable }

// message is what is sent, and what came of it.
type message struct {
	id   string
	body string // JSON members without the messageId
	sent time.Time

	answer answer
	took   time.Duration
}

// frame is the message in a text frame, masked with zeros: under the race detector, masking
// large messages byte by byte takes longer than all that the proxy does with them.
func (m *message) frame() []byte {
	payload := fmt.Appendf(nil, `{"messageId":%q,%s}`, m.id, m.body)
	if len(payload) <= 0xFFFF {
		return wsclient.AppendFrame(nil, wsclient.Text, true, [4]byte{}, payload)
	}
	const final, masked64 = 0x80, 0x80 | 127
	head := binary.BigEndian.AppendUint64([]byte{final | byte(wsclient.Text), masked64}, uint64(len(payload)))
	return append(append(head, 0, 0, 0, 0), payload...)
}

// exchange sends messages, of which so many may be unanswered at a time, and reads their
// answers, each of which must be that of its message.
func (c *connection) exchange(messages []*message, window int) error {
	places := make(chan struct{}, window)
	flight := make(chan *message, window)
	failed, failure := make(chan struct{}), error(nil)
	go func() {
		defer close(flight)
		for _, m := range messages {
			select {
			case places <- struct{}{}:
			case <-failed:
				return
			}
			m.sent = time.Now()
			flight <- m // it has a place
			if _, err := c.ws.Net.Write(m.frame()); err != nil {
				return // reading fails too
			}
		}
	}()
	for m := range flight {
		if failure == nil {
			if failure = c.read(m); failure != nil {
				close(failed)
			}
		}
		<-places
	}
	return failure
}

// read reads the answer of a message.
func (c *connection) read(m *message) error {
	for {
		f, err := c.ws.ReadFrame()
		switch {
		case err != nil:
			return fmt.Errorf("waiting for the answer to %s: %w", m.id, err)
		case f.Opcode == wsclient.Ping:
			if err := c.ws.Send(wsclient.Pong, f.Payload); err != nil {
				return err
			}
			continue
		case f.Opcode != wsclient.Text:
			return fmt.Errorf("waiting for the answer to %s: a frame with opcode %x, %q", m.id, f.Opcode, f.Payload)
		}
		m.took, m.answer = time.Since(m.sent), answer{}
		if err := json.Unmarshal(f.Payload, &m.answer); err != nil {
			return fmt.Errorf("the answer to %s is %q: %w", m.id, f.Payload, err)
		}
		if m.answer.MessageID != m.id {
			return fmt.Errorf("%s is answered by %q", m.id, f.Payload)
		}
		return nil
	}
}

// ordered tells whether those that succeeded lie in Kafka in the order in which they were sent.
func ordered(messages []*message) error {
	last, before := int64(-1), ""
	for _, m := range messages {
		if m.answer.Error != nil {
			continue
		}
		if m.answer.Offset <= last {
			return fmt.Errorf("%s has the offset %d, after %s with %d", m.id, m.answer.Offset, before, last)
		}
		last, before = m.answer.Offset, m.id
	}
	return nil
}
