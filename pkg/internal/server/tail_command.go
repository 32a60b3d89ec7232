package server

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// command is what a client asks of an open tail: one of its members.
type command struct {
	Subscribe   *tailCommand `json:"subscribe"`
	Unsubscribe *tailCommand `json:"unsubscribe"`
	Track       *tailCommand `json:"track"`
	Untrack     *tailCommand `json:"untrack"`
}

// tailCommand is what a command is about.
type tailCommand struct {
	Topic     string          `json:"topic"`
	From      string          `json:"from"`
	Keys      []string        `json:"keys"`
	KeyPrefix prefixes        `json:"keyPrefix"`
	Where     json.RawMessage `json:"where"`
	Snapshot  bool            `json:"snapshot"`
}

// prefixes is one text, or several.
type prefixes []string

// UnmarshalJSON implements json.Unmarshaler.
func (p *prefixes) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*p = prefixes{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(p)) //nolint:wrapcheck // its text is for the client
}

// command takes a client's message, and returns its answer.
func (t *tailing) command(message []byte) []byte {
	t.changing.Lock()
	defer t.changing.Unlock()
	answer, e := t.obey(message)
	if e == nil {
		return answer
	}
	if e.Kind == proxy.KindInvalidParameter { // it is none here
		e = proxy.Wrap(e, proxy.KindInvalidMessage, "%s", e.Message)
	}
	return codec.AppendError(nil, e, "", "")
}

func (t *tailing) obey(message []byte) (answer []byte, e *proxy.Error) {
	if !codec.IsJSON(message, t.server.Config.Sockets.MaxJSONDepth) {
		return nil, proxy.Errorf(proxy.KindInvalidJSON, `The message is not JSON: a command is an object such as {"credit":100}.`)
	}
	var c command
	if err := json.Unmarshal(message, &c); err != nil {
		return nil, proxy.Wrap(err, proxy.KindInvalidMessage, "The message is none that a tail takes: %v.", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	switch {
	case c.Subscribe != nil:
		return t.subscribe(ctx, c.Subscribe)
	case c.Unsubscribe != nil:
		return t.unsubscribe(c.Unsubscribe)
	case c.Track != nil:
		return t.track(ctx, c.Track, func(keys map[string]struct{}, key string) { keys[key] = struct{}{} })
	case c.Untrack != nil:
		return t.track(ctx, c.Untrack, func(keys map[string]struct{}, key string) { delete(keys, key) })
	}
	return nil, proxy.Errorf(proxy.KindInvalidMessage, "The message must have one of subscribe, unsubscribe, track, untrack, credit and auth.")
}

// subscribe adds a topic, or replaces what is wanted of one.
func (t *tailing) subscribe(ctx context.Context, c *tailCommand) ([]byte, *proxy.Error) {
	wants, from, e := t.wantedBy(c)
	if e != nil {
		return nil, e
	}
	if topic := t.find(c.Topic); topic != nil {
		wants.Partition = topic.wants.Partition
		return t.replace(topic, wants)
	}
	if t.count() >= mostTailTopics {
		return nil, proxy.Errorf(proxy.KindLimitReached, "A tail has at most %d topics.", mostTailTopics)
	}
	f := flow{topic: c.Topic, client: t.client}
	if e := t.server.allowed(&f); e != nil {
		return nil, e
	}
	if e := t.server.permitted(&f, t.who); e != nil {
		return nil, e
	}
	hold, err := t.server.Topics.OpenFor(ctx, t.access(c.Topic))
	if err != nil {
		return nil, proxy.AsError(err)
	}
	topic := &tailed{topic: hold, stop: func() {}}
	if e := t.beginSubscribed(ctx, topic, wants, from, c.Snapshot); e != nil {
		t.release(topic)
		return nil, e
	}
	return t.inForce(topic), nil
}

// beginSubscribed begins the tail of a topic that was added.
func (t *tailing) beginSubscribed(ctx context.Context, topic *tailed, wants feed.Selection, from *tailFrom, snapshot bool) *proxy.Error {
	if e := t.bound(topic, wants, inCommand); e != nil {
		return e
	}
	if _, e := t.beginTopic(ctx, topic, from, snapshot); e != nil {
		return e
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.topics[topic.topic.Name] = topic
	t.forget(topic.topic.Name)
	t.watch(topic)
	return nil
}

// inCommand names a member of a command.
func inCommand(kind string) string {
	if kind == "key" {
		return "keys"
	}
	return kind
}

// wantedBy reads what a client wants of a topic, and from where on.
func (t *tailing) wantedBy(c *tailCommand) (wants feed.Selection, from *tailFrom, e *proxy.Error) {
	if e := checkTopicName(c.Topic); e != nil {
		return wants, nil, e
	}
	from, ok := parseFrom(c.From)
	if !ok {
		return wants, nil, proxy.Errorf(proxy.KindInvalidMessage, "from: %s", fromHelp)
	}
	if c.Snapshot && !from.allowsSnapshot() {
		return wants, nil, proxy.Errorf(proxy.KindInvalidMessage, "snapshot: goes with latest or a cursor alone.")
	}
	wants = feed.Selection{Partition: from.alone(), Keys: keySet(c.Keys), Prefixes: c.KeyPrefix}
	if e := t.checkKeyCount(c.Topic, len(wants.Keys)+len(wants.Prefixes)); e != nil {
		return wants, nil, e
	}
	if len(c.Where) > 0 && string(c.Where) != "null" {
		filter, err := feed.ParseFilter(c.Where)
		if err != nil {
			return wants, nil, proxy.Wrap(err, proxy.KindInvalidMessage, "where: %v.", err)
		}
		wants.Where = filter
	}
	return wants, from, nil
}

// checkTopicName refuses what is no name of a topic.
func checkTopicName(name string) *proxy.Error {
	q := &query{faults: make(map[string]*proxy.Error)}
	if q.topicName(name); name == "" || q.err() != nil {
		return proxy.Errorf(proxy.KindInvalidMessage, "topic: must be a Kafka topic name: 1 to 249 letters, digits, '.', '_' and '-'.")
	}
	return nil
}

// checkKeyCount refuses more keys than a tail may have, if it has n of a topic.
func (t *tailing) checkKeyCount(topic string, n int) *proxy.Error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, other := range t.topics {
		if name != topic {
			n += len(other.wants.Keys) + len(other.wants.Prefixes)
		}
	}
	if n > mostKeys {
		return proxy.Errorf(proxy.KindLimitReached, "A tail has at most %d keys.", mostKeys)
	}
	return nil
}

// replace replaces what is wanted of a topic.
func (t *tailing) replace(topic *tailed, wants feed.Selection) ([]byte, *proxy.Error) {
	before := topic.wants
	if e := t.bound(topic, wants, inCommand); e != nil {
		return nil, e
	}
	selection := reduced(topic.wants)
	switch {
	case topic.tail.CanSelect(selection):
		topic.tail.Select(selection)
	case topic.isOver(): // it is in force for the topic that takes its place
	default:
		return t.beginAnew(topic, before)
	}
	return t.inForce(topic), nil
}

// isOver tells whether the topic has ended: nothing can be read of it anymore.
func (t *tailed) isOver() bool {
	select {
	case <-t.topic.Over():
		return true
	default:
		return false
	}
}

// beginAnew replaces what is wanted of a topic whose records are conflated after others were left out: it reads another
// ring, from where it is.
func (t *tailing) beginAnew(topic *tailed, before feed.Selection) ([]byte, *proxy.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	old := topic.tail
	t.set.Remove(old)
	begin, err := t.placeOf(ctx, topic)
	if err == nil {
		err = t.openFeed(ctx, topic, begin)
	}
	if err != nil {
		t.want(topic, before, topic.rule)
		t.end(feedError(err))
		return nil, feedError(err)
	}
	t.give(topic)
	old.Close()
	t.server.tails.add(topic.topic.Name, -1)
	return t.inForce(topic), nil
}

// placeOf returns where the client is in a topic: before its begin where it has yet to be told that it was made again.
func (t *tailing) placeOf(ctx context.Context, topic *tailed) (start, error) {
	place, _ := topic.tail.Cursor()
	if place.ID == topic.topic.ID() {
		return start{at: place.Places}, nil
	}
	at, err := t.server.log(topic.topic, t.readCommitted).Starts(ctx)
	return behindAnother(place, at), err //nolint:wrapcheck // an error for the client
}

// unsubscribe removes a topic.
func (t *tailing) unsubscribe(c *tailCommand) ([]byte, *proxy.Error) {
	t.mu.Lock()
	topic := t.topics[c.Topic]
	delete(t.topics, c.Topic)
	t.forget(c.Topic)
	t.mu.Unlock()
	if topic == nil {
		return nil, notSubscribed(c.Topic)
	}
	t.release(topic)
	return subscribedTo(c.Topic, nil), nil
}

func notSubscribed(topic string) *proxy.Error {
	return proxy.Errorf(proxy.KindInvalidMessage, "topic: %q is not subscribed to.", shorten(topic, maxEcho))
}

// track changes the keys that are wanted of a topic.
func (t *tailing) track(ctx context.Context, c *tailCommand, change func(keys map[string]struct{}, key string)) ([]byte, *proxy.Error) {
	topic := t.find(c.Topic)
	switch {
	case topic == nil:
		return nil, notSubscribed(c.Topic)
	case topic.wants.Keys == nil:
		return nil, proxy.Errorf(proxy.KindInvalidMessage, "keys: of %q all are subscribed to.", c.Topic)
	case len(c.Keys) == 0:
		return nil, proxy.Errorf(proxy.KindInvalidMessage, "keys: must be a list of keys.")
	}
	wants := topic.wants
	wants.Allowed = nil
	wants.Keys = maps.Clone(wants.Keys)
	for _, key := range c.Keys {
		change(wants.Keys, key)
	}
	if e := t.checkKeyCount(c.Topic, len(wants.Keys)+len(wants.Prefixes)); e != nil {
		return nil, e
	}
	if c.Snapshot {
		return t.trackWithNewest(ctx, topic, wants, c.Keys)
	}
	return t.replace(topic, wants)
}

// trackWithNewest adds keys, and has their newest records come first.
func (t *tailing) trackWithNewest(ctx context.Context, topic *tailed, wants feed.Selection, keys []string) ([]byte, *proxy.Error) {
	if e := checkCompacted(ctx, t.server.log(topic.topic, t.readCommitted), topic.topic.Name); e != nil {
		return nil, e
	}
	before := topic.wants
	if e := t.bound(topic, wants, inCommand); e != nil {
		return nil, e
	}
	if err := topic.tail.SelectKeys(ctx, reduced(topic.wants), keySet(keys)); err != nil {
		t.want(topic, before, topic.rule)
		return nil, feedError(err)
	}
	return t.inForce(topic), nil
}

func (t *tailing) find(topic string) *tailed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.topics[topic]
}

func (t *tailing) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.topics)
}

// inForce returns the answer that tells what is wanted of a topic.
func (t *tailing) inForce(topic *tailed) []byte {
	members := map[string]any{"partitions": topic.topic.Partitions()}
	if topic.wants.Keys != nil {
		members["keys"] = slices.Sorted(maps.Keys(topic.wants.Keys))
	}
	if len(topic.wants.Prefixes) > 0 {
		members["keyPrefix"] = topic.wants.Prefixes
	}
	if topic.wants.Where != nil {
		members["where"] = json.RawMessage(topic.wants.Where.Text())
	}
	return subscribedTo(topic.topic.Name, members)
}

func subscribedTo(topic string, members map[string]any) []byte {
	if members == nil {
		members = map[string]any{}
	}
	members["topic"] = topic
	frame, err := json.Marshal(map[string]any{"subscribed": members})
	if err != nil { // nothing in it can fail
		return codec.AppendError(nil, proxy.AsError(err), "", "")
	}
	return frame
}
