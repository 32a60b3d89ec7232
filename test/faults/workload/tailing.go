package workload

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// tailing is one connection of a tail.
type tailing struct {
	*session
	tail *Tail

	// The reader's, and the tail's once the connection has ended.
	place    tailPlace
	snapshot string // the topic whose newest records are coming

	mu       sync.Mutex // guards what follows
	topics   []string   // that are read
	commands []tailCommand
}

// tailCommand is a command without an answer.
type tailCommand struct {
	topic string
	ends  bool
}

const (
	// commandEvery bounds the pause between two commands.
	commandEvery = 5 * time.Second
	selected     = 8 // about how many keys a tail selects
)

// live sends commands while the connection lives.
func (c *tailing) live(life time.Duration) {
	ctx, cancel := context.WithTimeout(c.life, life)
	defer cancel()
	for {
		wait := time.Duration(c.tail.Rand.Int64N(int64(commandEvery)))
		if !c.tail.Selects && len(c.tail.Further) == 0 || c.tail.Calm.Err() != nil {
			wait = life
		}
		if !Pause(ctx, wait) {
			return
		}
		if c.tail.Calm.Err() == nil {
			c.command()
		}
	}
}

// command sends a random command.
func (c *tailing) command() {
	r := c.tail.Rand
	c.mu.Lock()
	reads, waits := slices.Clone(c.topics), len(c.commands) > 0
	c.mu.Unlock()
	if waits {
		return
	}
	if n := len(c.tail.Further); n > 0 && (!c.tail.Selects || r.IntN(2) == 0) {
		topic := c.tail.Further[r.IntN(n)]
		if slices.Contains(reads, topic) && len(reads) > 1 {
			c.send(topic, "unsubscribe", nil)
			return
		}
		from := []string{"latest", "earliest"}[r.IntN(2)]
		c.send(topic, "subscribe", &history.Tail{From: from, Keys: c.tail.Wants.Keys})
		return
	}
	if !c.tail.Selects {
		return
	}
	c.tail.Wants.Keys = AnyKeys(r)
	for _, topic := range reads {
		c.send(topic, "subscribe", &history.Tail{From: "latest", Keys: c.tail.Wants.Keys})
	}
}

// AnyKeys chooses some of the keys of messages.
func AnyKeys(r *rand.Rand) []string {
	keys := make([]string, 0, selected)
	for range selected {
		if key := keyOf(r.IntN(allKeys)); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

func (c *tailing) send(topic, verb string, wants *history.Tail) {
	members := map[string]any{"topic": topic}
	if wants != nil {
		members["from"] = wants.From
		if wants.Keys != nil {
			members["keys"] = wants.Keys
		}
	}
	payload, err := json.Marshal(map[string]any{verb: members})
	if err != nil {
		return
	}
	c.mu.Lock()
	c.commands = append(c.commands, tailCommand{topic, wants == nil})
	if wants == nil { // a cursor from now on may lack it
		c.topics = slices.DeleteFunc(c.topics, func(t string) bool { return t == topic })
	}
	c.mu.Unlock()
	c.recorder.Add(history.Event{Kind: history.TailCommand, Conn: c.conn, Topic: c.named(topic), Tail: wants})
	_ = c.wire.SetWriteDeadline(time.Now().Add(closeWait))
	_ = c.ws.Send(wsclient.Text, payload)
}

// named is a topic's name in the history.
func (c *tailing) named(topic string) string {
	if topic == c.tail.Main {
		return ""
	}
	return topic
}

// answered takes the answer to the oldest command.
func (c *tailing) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.commands) == 0 {
		return
	}
	done := c.commands[0]
	c.commands = c.commands[1:]
	if !done.ends && !slices.Contains(c.topics, done.topic) {
		c.topics = append(c.topics, done.topic)
	}
}

// take takes a message: a frame, or an array of records.
func (c *tailing) take(message []byte) {
	frames := []json.RawMessage{message}
	if len(message) > 0 && message[0] == '[' {
		frames = nil
		_ = json.Unmarshal(message, &frames) // else nothing of it was read, which is noticed
	}
	for _, frame := range frames {
		c.takeFrame(frame)
	}
}

func (c *tailing) takeFrame(text []byte) {
	var f tailFrame
	if err := json.Unmarshal(text, &f); err != nil {
		c.add(history.Event{Kind: history.TailRecord, Partition: -1, Content: string(text)}, "")
		return
	}
	switch {
	case f.Tail != nil:
		c.add(history.Event{Kind: history.TailBegun, Code: f.Tail.Reason}, "")
		c.tail.reads.Store(true)
	case f.Gap != nil:
		c.gap(f.Gap)
	case f.Conflated != nil:
		c.add(history.Event{Kind: history.TailConflated, Count: f.Conflated.Records}, f.Conflated.Topic)
	case f.Snapshot != nil:
		c.takeSnapshot(f.Snapshot)
	case f.Cursor != "":
		c.takeCursor(f.Cursor)
	case f.Subscribed != nil:
		c.add(history.Event{Kind: history.TailObeyed}, f.Subscribed.Topic)
		c.answered()
	case f.Error != nil: // it answers a command, or a topic is gone: another connection finds out
		c.add(history.Event{Kind: history.TailError, Code: f.Error.Code}, "")
		c.kill()
	default:
		c.record(&f)
	}
}

func (c *tailing) add(e history.Event, topic string) {
	e.Conn = c.conn
	if topic != "" {
		e.Topic = c.named(topic)
	}
	c.recorder.Add(e)
}

func (c *tailing) record(f *tailFrame) {
	c.add(history.Event{Kind: history.TailRecord, Partition: f.Partition, Offset: f.Offset, Content: f.content()}, f.Topic)
	c.tail.given.Add(1)
	if c.snapshot == f.Topic {
		return
	}
	if c.place.beyond[f.Topic] == nil {
		c.place.beyond[f.Topic] = make(map[int32]int64)
	}
	c.place.beyond[f.Topic][f.Partition] = f.Offset
}

func (c *tailing) gap(g *tailGap) {
	c.add(history.Event{Kind: history.TailGap, Partition: g.Partition, Offset: g.From, Until: g.To, Code: g.Reason}, g.Topic)
	if g.Reason == "RECREATED" { // what came before is of another topic
		delete(c.place.beyond, g.Topic)
	}
}

func (c *tailing) takeSnapshot(s *tailSnapshot) {
	if s.State == "begin" {
		c.snapshot = s.Topic
		c.add(history.Event{Kind: history.TailSnapshot}, s.Topic)
		return
	}
	c.snapshot = ""
	c.add(history.Event{Kind: history.TailLive, Count: s.Keys}, s.Topic)
}

func (c *tailing) takeCursor(text string) {
	c.add(history.Event{Kind: history.TailCursor, ID: text}, "")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place = tailPlace{cursor: text, topics: slices.Clone(c.topics), beyond: make(map[string]map[int32]int64)}
}
