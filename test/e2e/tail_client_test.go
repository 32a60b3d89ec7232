package e2e

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// tail is a client of /socket/tail. It reads all the time, so that it answers pings and can tell that nothing comes.
type tail struct {
	*client

	came   chan string // messages, until the connection ends
	over   error       // how it ended, once came is closed
	frames []string    // of a message that was an array, yet to be taken
	opened tailFrame   // the first frame
}

// tailFrame is any frame of /socket/tail in JSON.
type tailFrame struct {
	delivery // a record, or an error

	Tail *struct {
		Topics  []tailTopic
		Resumed *bool
		Reason  string
	}
	Gap       *tailGap
	Conflated *struct {
		Topic   string
		Records int
	}
	Cursor   string
	Snapshot *struct {
		Topic, State string
		Keys         int
	}
	Subscribed json.RawMessage
	Auth       json.RawMessage

	text string
}

type tailTopic struct {
	Topic      string
	Partitions int
}

type tailGap struct {
	Topic     string
	Partition int32
	From, To  int64
	Reason    string
}

// kind is record, or the name of the first member.
func (f *tailFrame) kind() string {
	if f.Value != nil {
		return "record"
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(f.text, `{"`), `"`)
	return name
}

// tailPath is the path of a tail. Parameters are name=value, and may be repeated.
func tailPath(topic string, parameters ...string) string {
	values := url.Values{"topic": {topic}}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		values.Add(name, value)
	}
	return "/socket/tail?" + values.Encode()
}

// tail opens /socket/tail and reads the first frame, at which latest is fixed.
func (p *proxy) tail(t *testing.T, topic string, parameters ...string) *tail {
	t.Helper()
	return newTail(p.dial(t, tailPath(topic, parameters...)))
}

func newTail(c *client) *tail {
	c.t.Helper()
	t := pumping(c)
	t.opened = t.event()
	if t.opened.Tail == nil {
		c.t.Fatalf("the first frame is %s", t.opened.text)
	}
	return t
}

// pumping has a client read all the time.
func pumping(c *client) *tail {
	c.t.Helper()
	t := &tail{client: c, came: make(chan string, 4096)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.pump()
	}()
	c.t.Cleanup(func() {
		_ = c.conn.CloseNow()
		<-done
	})
	return t
}

// pump reads messages until the connection ends.
func (c *tail) pump() {
	defer close(c.came)
	for {
		text, err := c.nextWithin(10 * patience)
		if err != nil {
			c.over = err
			return
		}
		select {
		case c.came <- text:
		case <-c.t.Context().Done():
			c.over = c.t.Context().Err()
			return
		}
	}
}

// message returns the next message; ok is false where there is none within a time, or the connection has ended.
func (c *tail) message(limit time.Duration) (text string, ok bool) {
	select {
	case text, ok = <-c.came:
		return text, ok
	case <-time.After(limit):
		return "", false
	}
}

// read returns the next message.
func (c *tail) read() string {
	c.t.Helper()
	text, ok := c.message(patience)
	if !ok {
		c.t.Fatalf("no message came within %v, or the connection ended: %v", patience, c.ending())
	}
	return text
}

// ending is how the connection ended, or nil while it is open.
func (c *tail) ending() error {
	select {
	case _, open := <-c.came:
		if !open {
			return c.over
		}
	default:
	}
	return nil
}

// frame returns the next frame. Those of an array count alone.
func (c *tail) frame() tailFrame {
	c.t.Helper()
	for len(c.frames) == 0 {
		c.frames = split(c.t, c.read())
	}
	text := c.frames[0]
	c.frames = c.frames[1:]
	return tailFrameOf(c.t, text)
}

func tailFrameOf(t *testing.T, text string) tailFrame {
	t.Helper()
	f := parse[tailFrame](t, text)
	f.text = text
	if !slices.Contains([]string{"record", "tail", "gap", "conflated", "cursor", "snapshot", "subscribed", "error", "auth"}, f.kind()) {
		t.Errorf("the first member does not tell what this is: %.300s", text)
	}
	return f
}

// split returns the frames of a message.
func split(t *testing.T, message string) []string {
	t.Helper()
	if !strings.HasPrefix(message, "[") {
		return []string{message}
	}
	var frames []string
	for _, frame := range parse[[]json.RawMessage](t, message) {
		frames = append(frames, string(frame))
	}
	return frames
}

// event returns the next frame that is no cursor.
func (c *tail) event() tailFrame {
	c.t.Helper()
	for {
		if f := c.frame(); f.Cursor == "" {
			return f
		}
	}
}

// expect returns the next frame that is no cursor, which must be of a kind.
func (c *tail) expect(kind string) tailFrame {
	c.t.Helper()
	f := c.event()
	if f.kind() != kind {
		c.t.Fatalf("got %.300s, want a frame of the kind %s", f.text, kind)
	}
	return f
}

// records reads records, between which only cursors may come.
func (c *tail) records(count int) []tailFrame {
	c.t.Helper()
	all := make([]tailFrame, count)
	for i := range all {
		all[i] = c.expect("record")
	}
	return all
}

// values reads records and returns their values as they are in JSON.
func (c *tail) values(count int) []string {
	c.t.Helper()
	var all []string
	for _, f := range c.records(count) {
		all = append(all, string(f.Value.Value))
	}
	return all
}

// refusal reads an error frame and checks its code.
func (c *tail) refusal(code string) failure {
	c.t.Helper()
	f := c.expect("error")
	if f.Error == nil || f.Error.Code != code || f.Error.Message == "" {
		c.t.Fatalf("got %s, want an error %s", f.text, code)
	}
	return *f.Error
}

// cursor reads on to the next cursor, which is behind all that was read before.
func (c *tail) cursor() string {
	c.t.Helper()
	for {
		if f := c.frame(); f.Cursor != "" {
			return f.Cursor
		}
	}
}

// until reads on to a frame, and returns those before it.
func (c *tail) until(last func(f *tailFrame) bool) (before []tailFrame) {
	c.t.Helper()
	for {
		f := c.frame()
		if last(&f) {
			return before
		}
		before = append(before, f)
	}
}

// quiet reads on until nothing has come for a time, and returns what did.
func (c *tail) quiet(limit time.Duration) (before []tailFrame) {
	c.t.Helper()
	for {
		if len(c.frames) == 0 {
			message, ok := c.message(limit)
			if !ok {
				return before
			}
			c.frames = split(c.t, message)
		}
		before = append(before, c.frame())
	}
}

// ended reads on until the connection is closed with a code, and returns the frames before.
func (c *tail) ended(code websocket.StatusCode) (before []tailFrame) {
	c.t.Helper()
	for {
		text, ok := c.message(2 * patience)
		if !ok {
			if got := websocket.CloseStatus(c.ending()); got != code {
				c.t.Fatalf("closed with %d (%v), want %d", got, c.ending(), code)
			}
			return before
		}
		for _, frame := range split(c.t, text) {
			before = append(before, tailFrameOf(c.t, frame))
		}
	}
}

// refusesTail checks how a handshake is refused. An empty code is any.
func (p *proxy) refusesTail(t *testing.T, status int, code, names, topic string, parameters ...string) {
	t.Helper()
	var got response
	eventually(t, "Kafka answers the proxy in time", func() bool {
		got = p.upgrade(t, tailPath(topic, parameters...))
		return got.status != 503 || status == 503
	})
	what := strings.Join(parameters, "&")
	if got.status != status {
		t.Errorf("%.200s: got %d %s, want %d", what, got.status, got.body, status)
		return
	}
	if f := got.failure(t); code != "" && f.Code != code || !strings.Contains(f.Message, names) {
		t.Errorf("%.200s: got %+v, want %s naming %q", what, f, code, names)
	}
}
