//go:build cluster

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// door is a way in.
type door struct {
	url    string       // ws:// or wss://, with a path before the proxy's own
	client *http.Client // nil for the usual one
}

// frame is a message of the proxy: an answer, a record or an error.
type frame struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	MessageID string `json:"messageId"`
	Value     struct {
		Value string `json:"value"`
	} `json:"value"`
	Error struct {
		Code      string `json:"code"`
		Retriable bool   `json:"retriable"`
	} `json:"error"`
}

// dial returns nil where the proxy cannot be reached.
func (l *load) dial(ctx context.Context, path string) *websocket.Conn {
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, answer, err := websocket.Dial(bounded, l.door.url+path, &websocket.DialOptions{HTTPClient: l.door.client}) //nolint:bodyclose // the library closes it
	if err != nil {
		if ctx.Err() == nil {
			l.miss(answer)
		}
		return nil
	}
	conn.SetReadLimit(1 << 20)
	return conn
}

// miss counts a handshake that failed, by its status and reason.
func (l *load) miss(answer *http.Response) {
	why := "unreachable"
	if answer != nil {
		why = strconv.Itoa(answer.StatusCode)
		var refusal struct{ Code, Message string }
		if json.NewDecoder(answer.Body).Decode(&refusal) == nil { // the library keeps its beginning
			why += " " + refusal.Code + " " + refusal.Message
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.missed[why]++
}

// produce sends one message after another until the connection or ctx ends.
func (l *load) produce(ctx context.Context, client int) {
	name := fmt.Sprintf("producer-%d", client)
	socket := l.dial(ctx, fmt.Sprintf("/socket/in?clientId=%s&topic=%s", name, l.topic))
	if socket == nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	conn := l.opened(name, "")
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%s/%d/%d/%d", l.topic, client, conn, n)
		if err := l.exchange(ctx, socket, conn, id); err != nil {
			l.closed(name, conn, err)
			return
		}
		wait(ctx, time.Duration(l.pace.Load()))
	}
	_ = socket.Close(websocket.StatusNormalClosure, "")
	l.Add(history.Event{Kind: history.Close, Conn: conn, Code: "1000"})
}

// exchange sends a message and takes its answer.
func (l *load) exchange(ctx context.Context, socket *websocket.Conn, conn int, id string) error {
	l.Add(history.Event{Kind: history.Send, Conn: conn, ID: id, Content: history.Content(nil, &id, nil)})
	message := fmt.Sprintf(`{"value":{"value":%q},"messageId":%q}`, id, id)
	// ctx must not cut an answer off, which would be lost to the count alone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	if err := socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return fmt.Errorf("sending a message: %w", err)
	}
	answer, err := read(ctx, socket)
	for err == nil && answer.MessageID == "" { // an error of the connection, whose close follows
		answer, err = read(ctx, socket)
	}
	if err != nil {
		return err
	}
	l.Add(history.Event{
		Kind: history.Answer, Conn: conn, ID: answer.MessageID, Partition: answer.Partition, Offset: answer.Offset,
		Code: answer.Error.Code, Retriable: answer.Error.Retriable,
	})
	if answer.Error.Code == "" {
		l.mu.Lock()
		l.acked[id] = true
		l.mu.Unlock()
	}
	return nil
}

// consume reads until the connection or ctx ends.
func (l *load) consume(ctx context.Context, client int) {
	name := fmt.Sprintf("consumer-%d", client)
	socket := l.dial(ctx, fmt.Sprintf("/socket/out?clientId=%s&groupId=%s&topic=%s", name, l.topic, l.topic))
	if socket == nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	conn := l.opened(name, l.topic)
	for {
		record, err := read(ctx, socket)
		switch {
		case err == nil && record.Error.Code == "":
			l.had(conn, record)
		case err == nil: // an error of the connection, whose close may follow
		case ctx.Err() != nil:
			l.Add(history.Event{Kind: history.Close, Conn: conn})
			return
		default:
			l.closed(name, conn, err)
			return
		}
	}
}

// had records a delivery.
func (l *load) had(conn int, record frame) {
	id := record.Value.Value
	content := history.Content(nil, &id, nil)
	l.Add(history.Event{
		Kind: history.Delivery, Conn: conn, Group: l.topic, Partition: record.Partition, Offset: record.Offset, Content: content,
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read[id] = true
	if l.contents[record.Partition] == nil {
		l.contents[record.Partition] = map[int64]checker.Record{}
	}
	l.contents[record.Partition][record.Offset] = checker.Record{Offset: record.Offset, ID: id, Content: content}
}

func read(ctx context.Context, socket *websocket.Conn) (f frame, err error) {
	_, text, err := socket.Read(ctx)
	if err != nil {
		return f, fmt.Errorf("reading a message: %w", err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, fmt.Errorf("decoding %.200q: %w", text, err)
	}
	return f, nil
}
