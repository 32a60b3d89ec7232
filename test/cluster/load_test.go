//go:build cluster

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// load is a crowd of producers and consumers of one group, and what they saw. The group has the
// name of its topic, which is its alone.
type load struct {
	history.Recorder

	address, topic string
	cancel         context.CancelFunc // of the producers
	producers      sync.WaitGroup
	consumers      sync.WaitGroup
	stop           context.CancelFunc // of everybody

	mu       sync.Mutex
	acked    map[string]bool
	read     map[string]bool
	contents map[int32]map[int64]checker.Record // of what was delivered
	closes   map[string]int                     // by status
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

// begin starts as many producers as consumers, which come back whenever they lose their connection.
func begin(t *testing.T, address, topic string, count int) *load {
	t.Helper()
	all, stop := context.WithCancel(t.Context())
	producing, cancel := context.WithCancel(all)
	l := &load{
		address: address, topic: topic, cancel: cancel, stop: stop,
		acked: map[string]bool{}, read: map[string]bool{}, contents: map[int32]map[int64]checker.Record{}, closes: map[string]int{},
	}
	for i := range count {
		l.consumers.Go(func() { l.again(all, func(ctx context.Context) { l.consume(ctx, i) }) })
		l.producers.Go(func() { l.again(producing, func(ctx context.Context) { l.produce(ctx, i) }) })
	}
	t.Cleanup(func() {
		stop()
		l.producers.Wait()
		l.consumers.Wait()
	})
	return l
}

// again connects anew until ctx ends, after a moment that is everybody's own.
func (l *load) again(ctx context.Context, connection func(context.Context)) {
	for ctx.Err() == nil {
		connection(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.IntN(500)) * time.Millisecond):
		}
	}
}

// dial returns nil where the proxy cannot be reached.
func (l *load) dial(ctx context.Context, path string) *websocket.Conn {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+l.address+path, nil) //nolint:bodyclose // the library closes it
	if err != nil {
		return nil
	}
	conn.SetReadLimit(1 << 20)
	return conn
}

// produce sends one message after another until the connection or ctx ends.
func (l *load) produce(ctx context.Context, client int) {
	socket := l.dial(ctx, fmt.Sprintf("/socket/in?clientId=producer-%d&topic=%s", client, l.topic))
	if socket == nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	conn := l.Open("")
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("%s/%d/%d/%d", l.topic, client, conn, n)
		l.Add(history.Event{Kind: history.Send, Conn: conn, ID: id, Content: history.Content(nil, &id, nil)})
		message := fmt.Sprintf(`{"value":{"value":%q},"messageId":%q}`, id, id)
		// ctx must not cut an answer off, which would be lost to the count alone.
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		err := socket.Write(whole, websocket.MessageText, []byte(message))
		var answer frame
		if err == nil {
			answer, err = read(whole, socket)
		}
		cancel()
		if err != nil {
			l.closed(conn, err)
			return
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
	}
	_ = socket.Close(websocket.StatusNormalClosure, "")
	l.Add(history.Event{Kind: history.Close, Conn: conn, Code: "1000"})
}

// consume reads until the connection or ctx ends.
func (l *load) consume(ctx context.Context, client int) {
	socket := l.dial(ctx, fmt.Sprintf("/socket/out?clientId=consumer-%d&groupId=%s&topic=%s", client, l.topic, l.topic))
	if socket == nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	conn := l.Open(l.topic)
	for {
		record, err := read(ctx, socket)
		if err != nil {
			l.closed(conn, err)
			return
		}
		id := record.Value.Value
		content := history.Content(nil, &id, nil)
		l.Add(history.Event{
			Kind: history.Delivery, Conn: conn, Group: l.topic, Partition: record.Partition, Offset: record.Offset, Content: content,
		})
		l.mu.Lock()
		l.read[id] = true
		if l.contents[record.Partition] == nil {
			l.contents[record.Partition] = map[int64]checker.Record{}
		}
		l.contents[record.Partition][record.Offset] = checker.Record{Offset: record.Offset, ID: id, Content: content}
		l.mu.Unlock()
	}
}

func read(ctx context.Context, socket *websocket.Conn) (f frame, err error) {
	_, text, err := socket.Read(ctx)
	if err != nil {
		return f, err
	}
	err = json.Unmarshal(text, &f)
	return f, err
}

// closed records how a connection ended: by a status, or cut.
func (l *load) closed(conn int, err error) {
	code := ""
	if status := websocket.CloseStatus(err); status >= 0 {
		code = fmt.Sprint(int(status))
	}
	l.Add(history.Event{Kind: history.Close, Conn: conn, Code: code})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closes[code]++
}

// counts returns how many messages were acknowledged, and how many of them were not read yet.
func (l *load) counts() (acked, unread int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.acked {
		if !l.read[id] {
			unread++
		}
	}
	return len(l.acked), unread
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("no %s", what)
		case <-ticker.C:
		}
	}
}

// more waits until another n messages are acknowledged, so that whatever was done to the proxy is
// done to one that works.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	before, _ := l.counts()
	await(t, "progress of the producers", func() bool {
		acked, _ := l.counts()
		return acked >= before+n
	})
}

// end lets the producers finish and the consumers catch up, and returns the verdict. The log is
// what was delivered, all of which Kafka must have held; an acknowledged message that it lacks
// is one that nobody could be sent.
func (l *load) end(t *testing.T) checker.Report {
	t.Helper()
	l.cancel()
	l.producers.Wait()
	await(t, "end of the consumers", func() bool {
		_, unread := l.counts()
		return unread == 0
	})
	l.stop()
	l.consumers.Wait()
	log := map[int32][]checker.Record{}
	for partition, records := range l.contents {
		for _, offset := range slices.Sorted(maps.Keys(records)) {
			log[partition] = append(log[partition], records[offset])
		}
	}
	report := checker.Check(l.Events(), checker.Kafka{Log: log, Groups: []checker.Group{{Name: l.topic}}})
	t.Logf("%d sent, %d acknowledged, %d refused, %d unknown, %d delivered, %d again, closes %v, %d violations",
		report.Sent, report.Answered, report.Refused, report.Unknown, report.Delivered, report.Duplicates, l.closes, len(report.Violations))
	if len(report.Violations) > 0 {
		t.Error(strings.Join(report.Lines(5), "\n"))
	}
	return report
}
