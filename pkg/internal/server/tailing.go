package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/read"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// tailing is a /socket/tail connection: its topics, and what it wants of them.
type tailing struct {
	server        *Server
	who           *proxy.Identity
	client        proxy.ClientID
	frames        outFrames
	readCommitted bool
	slow          feed.Slow
	every         time.Duration               // least time between two records of a key, 0 for none
	snapshot      bool                        // whether the newest records come first
	untilEnd      bool                        // whether the connection ends behind what the topics hold when it is made
	conn          atomic.Pointer[socket.Conn] // nil until it is served
	set           socket.TailSet
	window        feed.Window    // what the client can be told to repeat
	work          sync.WaitGroup // goroutines that deal with topics that have ended
	first         []byte

	// Of the handshake.
	asked     []string
	from      *tailFrom
	selection *feed.Selection

	// changing is held while a command is carried out, and while a topic takes the place of the one that it was made again
	// from: what is wanted of that is wanted of it. It is taken before mu.
	changing sync.Mutex

	mu     sync.Mutex // guards what follows
	topics map[string]*tailed
	lost   feed.Cursor // where it was in topics that were deleted: who comes back is told when they are made again
	closed bool
}

// tailed is a topic of a tail. The lock of the tailing guards all but topic. Only the handshake, and then the reader,
// change wants and rule.
type tailed struct {
	topic *cluster.Topic
	tail  *feed.Tail // nil before it has begun
	wants feed.Selection
	rule  string       // the policy's about keys
	ends  proxy.Places // where the connection is to end, nil where it is not
	stop  func()       // stops waiting for the topic's end
}

// open opens the topics that the client asks for.
func (t *tailing) open(ctx context.Context) *proxy.Error {
	e := t.forEach(func(name string) *proxy.Error {
		topic, err := t.server.Topics.OpenFor(ctx, t.access(name))
		if err != nil {
			return proxy.AsError(err)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.topics[name] = &tailed{topic: topic, stop: func() {}}
		return nil
	})
	if e != nil {
		t.close()
	}
	return e
}

// forEach does something for all topics that the client asks for, at the same time. It returns the first one's error.
func (t *tailing) forEach(do func(name string) *proxy.Error) *proxy.Error {
	errs := make([]*proxy.Error, len(t.asked))
	var doing sync.WaitGroup
	for i, name := range t.asked {
		doing.Go(func() { errs[i] = do(name) })
	}
	doing.Wait()
	return cmp.Or(errs...)
}

func (t *tailing) access(topic string) cluster.Access {
	return cluster.Access{Credentials: t.who.Kafka, Topic: topic, Operation: cluster.Consume}
}

// snapshotTimeout bounds how long a client waits until the newest records of a topic are read. They are read on after
// it, so that a later client finds more of them.
const snapshotTimeout = 8 * time.Second

// begin begins the tails of the topics.
func (t *tailing) begin(ctx context.Context) *proxy.Error {
	timeout := lookupTimeout
	if t.snapshot {
		timeout = snapshotTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reasons := make(map[string]reason, len(t.asked))
	var mu sync.Mutex // guards reasons
	e := t.forEach(func(name string) *proxy.Error {
		topic := t.find(name)
		if e := t.bound(topic, *t.selection, inQuery); e != nil {
			return e
		}
		lost, e := t.beginTopic(ctx, topic, t.from, t.snapshot)
		mu.Lock()
		defer mu.Unlock()
		reasons[name] = lost
		return e
	})
	if e != nil {
		return e
	}
	why := reason("")
	for _, name := range t.asked {
		why = cmp.Or(why, reasons[name])
	}
	t.first = t.firstFrame(why)
	return nil
}

// bound sets what is wanted of a topic.
func (t *tailing) bound(topic *tailed, wants feed.Selection, name func(string) string) *proxy.Error {
	if t.server.Policy != nil {
		keys := t.server.Policy.Rules().Keys(t.who, t.use(topic.topic.Name))
		bounded, e := bounded(wants, keys, name)
		if e != nil {
			return e
		}
		t.want(topic, *bounded, keys.String())
		return nil
	}
	t.want(topic, wants, "")
	return nil
}

func (t *tailing) want(topic *tailed, wants feed.Selection, rule string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	topic.wants, topic.rule = wants, rule
}

func (t *tailing) use(topic string) policy.Use {
	return policy.Use{Topic: topic, Client: string(t.client)}
}

// beginTopic begins the tail of a topic. lost tells why it does not begin at the cursor's place.
func (t *tailing) beginTopic(ctx context.Context, topic *tailed, from *tailFrom, snapshot bool) (lost reason, e *proxy.Error) {
	log := t.server.log(topic.topic, t.readCommitted)
	if snapshot {
		if e := checkCompacted(ctx, log, topic.topic.Name); e != nil {
			return "", e
		}
	}
	begin, err := from.startOf(ctx, topic.topic, log)
	if err != nil {
		return "", proxy.AsError(err)
	}
	if begin.snapshot = snapshot && (from.kind == fromLatest || begin.why != ""); begin.snapshot {
		begin.at = nil
	}
	if e := t.findEnds(ctx, topic, log); e != nil {
		return "", e
	}
	if err := t.openFeed(ctx, topic, begin); err != nil {
		return "", feedError(err)
	}
	t.give(topic)
	if from.kind != fromCursor {
		return "", nil
	}
	if gaps := topic.tail.Lost(); begin.why == "" && len(gaps) > 0 {
		begin.why = reason(gaps[0].Reason)
	}
	return begin.why, nil
}

// checkCompacted refuses a snapshot of a topic that does not keep the newest record of each key.
func checkCompacted(ctx context.Context, log *read.Source, topic string) *proxy.Error {
	compacted, err := log.Compacted(ctx)
	if err != nil {
		return proxy.AsError(err)
	}
	if !compacted {
		return proxy.Errorf(proxy.KindInvalidParameter, "snapshot: is for topics with cleanup.policy compact, and %q has another one.", topic)
	}
	return nil
}

// feedError is the error for a client whose tail did not begin.
func feedError(err error) *proxy.Error {
	if tooLarge, ok := errors.AsType[*feed.TooLargeError](err); ok {
		return proxy.Wrap(err, proxy.KindOverloaded, "snapshot: the topic is too large: %v.", tooLarge)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot be read in time: try again.")
	}
	return proxy.AsError(err)
}

// openFeed opens the tail of a topic. The client is given nothing of it yet. Where it takes the place of another one, the
// client is given what newest records that has yet to give.
func (t *tailing) openFeed(ctx context.Context, topic *tailed, begin start) error {
	name := topic.topic.Name
	id := feed.Name{Topic: name, ID: topic.topic.ID()}
	tail, err := t.server.Feeds.Open(ctx, t.logKey(id), id, t.newSource(id), feed.TailOptions{
		Variant:    t.frames.variant(),
		NewEncoder: func() feed.Encoder { return t.frames.encoder(name, t.server.Metrics) },
		At:         begin.at, Gaps: begin.gaps, Before: begin.before, Snapshot: begin.snapshot, Selection: reduced(topic.wants), Slow: t.slow, Every: t.every,
		Window: &t.window, Slowed: t.tooSlow, Wake: t.wake,
	})
	if err != nil {
		return fmt.Errorf("beginning to read %s: %w", name, err)
	}
	t.mu.Lock()
	if topic.tail != nil {
		tail.Inherit(topic.tail) // before anybody asks for its place
	}
	topic.tail = tail
	t.mu.Unlock()
	t.server.tails.add(name, 1)
	return nil
}

// give has the client given what the tail of a topic has.
func (t *tailing) give(topic *tailed) {
	t.set.Add(topic.tail, t.server.Metrics.Delivered(topic.topic.Name))
}

// watch has the end of a topic dealt with. t.mu is held.
func (t *tailing) watch(topic *tailed) {
	topic.stop = topic.topic.WhenOver(func() { t.ended(topic) })
}

// logKey identifies a log among those that are read.
type logKey struct {
	name          feed.Name
	credentials   proxy.KafkaCredentials
	readCommitted bool
}

func (t *tailing) logKey(name feed.Name) logKey { return logKey{name, t.who.Kafka, t.readCommitted} }

// newSource opens the log of a topic, which is read for all tails with the same identity at Kafka.
func (t *tailing) newSource(name feed.Name) func(context.Context) (feed.Source, error) {
	access, committed := t.access(name.Topic), t.readCommitted
	return func(ctx context.Context) (feed.Source, error) {
		topic, err := t.server.Topics.OpenFor(ctx, access)
		if err != nil {
			return nil, err //nolint:wrapcheck // an error for the client
		}
		if topic.ID() != name.ID {
			topic.Close()
			return nil, proxy.Wrap(proxy.ErrReplaced, proxy.KindTopicNotFound, "Topic %q was deleted and made again: connect again.", name.Topic)
		}
		return source{t.server.log(topic, committed), topic}, nil
	}
}

// log reads the log of a topic at Kafka.
func (s *Server) log(topic *cluster.Topic, committed bool) *read.Source {
	return read.New(s.Cluster, read.Options{Topic: topic, ReadCommitted: committed})
}

// wake tells the writer that there may be frames.
func (t *tailing) wake() {
	if c := t.conn.Load(); c != nil {
		c.Wake()
	}
}

// serve serves the connection.
func (t *tailing) serve(c *socket.Conn, o socket.TailOptions) {
	if agreed, ok := c.Agreed(); ok && !o.Batch { // an array is of one connection
		t.window.Open(agreed.Window(), !agreed.NoContextTakeover)
	}
	t.conn.Store(c)
	t.mu.Lock()
	for _, topic := range t.topics {
		t.watch(topic)
	}
	t.mu.Unlock()
	o.First, o.Topics, o.Cursor, o.Command, o.Failed = t.first, &t.set, t.cursor, t.command, t.failed
	if t.untilEnd {
		o.IsAtEnd = t.isAtEnd
	}
	socket.ServeTail(c, o)
}

// failed ends the connection, or leaves that to who deals with the end of a topic.
func (t *tailing) failed(_ socket.TailFeed, err error) {
	switch {
	case errors.Is(err, feed.ErrGone):
	case errors.Is(err, feed.ErrSlow): // it may have been so before the connection was served
		t.tooSlow()
	default:
		t.end(proxy.AsError(err))
	}
}

// tooSlow ends a connection that was to end when it cannot keep up.
func (t *tailing) tooSlow() {
	t.end(proxy.Errorf(proxy.KindOverloaded, "The client is too slow for slow=close: read faster, or take slow=wait, skip or latest."))
}

// close ends the tails, and releases the topics.
func (t *tailing) close() {
	t.mu.Lock()
	topics := t.topics
	t.topics, t.closed = map[string]*tailed{}, true
	t.mu.Unlock()
	for _, topic := range topics {
		t.release(topic)
	}
	t.work.Wait()
}

func (t *tailing) release(topic *tailed) {
	t.mu.Lock()
	stop, tail := topic.stop, topic.tail
	t.mu.Unlock()
	stop()
	if tail != nil {
		t.set.Remove(tail)
		tail.Close()
		t.server.tails.add(topic.topic.Name, -1)
	}
	topic.topic.Close()
}

// names returns the topics that the connection uses, or asks for.
func (t *tailing) names() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.topics) == 0 && !t.closed && t.conn.Load() == nil {
		return t.asked
	}
	return t.sorted()
}

// sorted returns the names of the topics. t.mu is held.
func (t *tailing) sorted() []string {
	names := make([]string, 0, len(t.topics))
	for name := range t.topics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// holds returns what the connection holds of topics.
func (t *tailing) holds() []*cluster.Topic {
	t.mu.Lock()
	defer t.mu.Unlock()
	holds := make([]*cluster.Topic, 0, len(t.topics))
	for _, topic := range t.topics {
		holds = append(holds, topic.topic)
	}
	return holds
}

// checkKeys tells whether the keys that a policy allows are still those under which a topic is read. t may be nil.
func (t *tailing) checkKeys(topic string, keys policy.Keys) *proxy.Error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tailed := t.topics[topic]; tailed != nil && tailed.tail != nil && tailed.rule != keys.String() {
		return proxy.Errorf(proxy.KindNotAuthorized, "topic: you may read other keys of %q now: connect again.", topic)
	}
	return nil
}

// cursor returns the cursor behind what was given of all topics. While a topic begins with its newest records it has none
// there: who came back with a place within would not be given the others. It is empty where no topic has one.
func (t *tailing) cursor() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.topics) == 1 && len(t.lost) == 0 {
		for _, topic := range t.topics {
			_, text := topic.tail.Cursor()
			return text
		}
	}
	var all feed.Cursor
	for _, name := range t.sorted() {
		one, text := t.topics[name].tail.Cursor()
		if text != "" {
			all = append(all, one)
		}
	}
	all = append(all, t.lost[:min(len(t.lost), mostTailTopics-len(all))]...)
	if len(all) == 0 {
		return ""
	}
	return all.String()
}

// forget leaves a topic that was deleted out of further cursors. t.mu is held.
func (t *tailing) forget(topic string) {
	t.lost = slices.DeleteFunc(t.lost, func(c feed.TopicCursor) bool { return c.Topic == topic })
}

// firstFrame tells what is read, and whether the tail goes on where its cursor was.
func (t *tailing) firstFrame(why reason) []byte {
	frame := []byte(`{"tail":{"topics":[`)
	for i, name := range t.asked {
		if i > 0 {
			frame = append(frame, ',')
		}
		frame = appendTopic(append(frame, '{'), t.topics[name].topic)
		frame = append(frame, '}')
	}
	frame = append(frame, ']')
	switch {
	case t.from.kind != fromCursor:
	case why == "":
		frame = append(frame, `,"resumed":true`...)
	default:
		frame = append(append(append(frame, `,"resumed":false,"reason":"`...), why...), '"')
	}
	return append(frame, "}}"...)
}

// appendTopic appends the members that tell a topic.
func appendTopic(dst []byte, topic *cluster.Topic) []byte {
	dst = strconv.AppendQuote(append(dst, `"topic":`...), topic.Name)
	return strconv.AppendInt(append(dst, `,"partitions":`...), int64(topic.Partitions()), 10)
}
