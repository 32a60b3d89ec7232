package client

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TailOptions say what is read without a group. Only Topics is required.
type TailOptions struct {
	Topics []string // up to 16
	// From says where to begin: latest, which is the default, earliest, last:N, timestamp:MS, offset:P:O or cursor:TOKEN, as the
	// protocol has it.
	From     string
	UntilEnd bool // whether to end behind what the topics hold when the connection is made
	Snapshot bool // whether the newest record of each key comes first, of compacted topics

	Keys, KeyPrefixes      []string     // only records with one of the keys, or a key that begins so: up to 1,000 of each
	Where                  string       // only records that meet a condition, such as {"json":"/region","eq":"eu"}
	KeyFormat, ValueFormat proxy.Format // that keys and values are to come in; whatever does not fit comes all the same
	ReadCommitted          bool         // whether records of transactions that are not committed are left out
	Rate                   int          // most records a second, 0 for no limit
	Buffer                 int          // most records that are sent ahead of the loop, 256 by default

	// Slow says what becomes of a loop that cannot keep up: wait, which is the default and loses nothing, skip, latest or close.
	Slow  string
	Every time.Duration // at most one record of a key in this time, the newest
}

// Event is what a tail tells. Exactly one of its fields is set.
type Event struct {
	Record    *Record
	Gap       *Gap
	Conflated *Conflated
	Snapshot  *Snapshot
	Started   *Started
	// Cursor is the place behind all events before it. TailOptions.From takes it as cursor:TOKEN.
	Cursor string
	// Problem is an error about one of several topics: the others go on.
	Problem *Error
}

// Gap tells of offsets whose records do not come: from From on, before To.
type Gap struct {
	Topic     string
	Partition int32
	From, To  int64
	Reason    string // SLOW, EXPIRED, TRUNCATED or RECREATED; UNKNOWN where the connection has ended before its first cursor
}

// Conflated tells how many records of a topic were left out for newer ones of their keys.
type Conflated struct {
	Topic   string
	Records int64
}

// Snapshot tells where the newest records of a topic begin and end.
type Snapshot struct {
	Topic string
	State string // begin or end
	Keys  int64  // how many there were, at the end
}

// Started tells that a connection is made, the first one or another.
type Started struct {
	Topics []struct {
		Topic      string
		Partitions int
	}
	Resumed *bool  // whether it goes on where it was; nil where it had no cursor
	Reason  string // why it does not
}

// Tail reads topics from some place on, without a group. The loop gets every record from there on, in the order of its partition, or is told a
// gap. After a connection has ended it goes on behind the last record. A slow loop slows the proxy down, unless Slow says otherwise.
//
// The loop ends when it is left, at the end where UntilEnd is set, and with an error when ctx ends, or when another connection would be in vain.
func (c *Client) Tail(ctx context.Context, o TailOptions) iter.Seq2[Event, error] {
	o.Buffer = orDefault(o.Buffer, defaultBuffer)
	return func(yield func(Event, error) bool) {
		t := tail{options: &o, seen: make(map[place]int64)}
		if cursor, ok := strings.CutPrefix(o.From, "cursor:"); ok {
			t.cursor = cursor
		}
		err := c.keep(ctx, endpoint{
			name: "tail", query: func() url.Values { return t.query(&c.options) }, grace: closeGrace,
			use: func(ctx context.Context, conn *conn) error { return t.use(ctx, conn, yield) },
		})
		if err != nil && !errors.Is(err, errLeft) {
			yield(Event{}, err)
		}
	}
}

// place is a partition.
type place struct {
	topic     string
	partition int32
}

// tail is where Tail is.
type tail struct {
	options *TailOptions
	cursor  string          // the last one, or that at which it begins; empty before the first
	seen    map[place]int64 // the last offset that came behind the cursor
	started bool            // whether there was a connection
}

func (t *tail) query(client *Options) url.Values {
	o, p := t.options, parameters{}
	p.text("clientId", client.ClientID)
	p.payload(client)
	p.text("topic", strings.Join(o.Topics, ","))
	p.text("from", o.From)
	if t.cursor != "" {
		p.text("from", "cursor:"+t.cursor)
		if o.Every == 0 {
			p["after"] = t.after()
		}
	}
	if o.UntilEnd {
		p.text("until", "end")
	}
	p.flag("snapshot", o.Snapshot)
	p["key"], p["keyPrefix"] = o.Keys, o.KeyPrefixes
	p.text("where", o.Where)
	p.reading(o.KeyFormat, o.ValueFormat, o.ReadCommitted, o.Rate)
	p.number("credit", o.Buffer)
	p.text("slow", o.Slow)
	p.number("every", int(o.Every.Milliseconds()))
	return url.Values(p)
}

// after names the last records that came behind the cursor.
func (t *tail) after() (after []string) {
	for p, offset := range t.seen {
		text := strconv.Itoa(int(p.partition)) + ":" + strconv.FormatInt(offset, 10)
		if len(t.options.Topics) > 1 {
			text = p.topic + ":" + text
		}
		after = append(after, text)
	}
	slices.Sort(after)
	return after
}

// goOn prepares for another connection. Without a cursor it begins where the first one began: what came from there is left out then. If it
// began at the end, that is lost.
func (t *tail) goOn(yield func(Event, error) bool) (skip map[place]int64, left bool) {
	again := t.started
	t.started = true
	if !again || t.cursor != "" || t.options.Every > 0 {
		return nil, false
	}
	if t.options.Snapshot {
		clear(t.seen)
		return nil, false
	}
	begin, _, _ := strings.Cut(t.options.From, ":")
	if begin == "earliest" || begin == "timestamp" || begin == "offset" {
		return maps.Clone(t.seen), false
	}
	for _, topic := range t.options.Topics {
		if !yield(Event{Gap: &Gap{Topic: topic, Partition: proxy.AnyPartition, From: -1, To: -1, Reason: "UNKNOWN"}}, nil) {
			return nil, true
		}
	}
	return maps.Clone(t.seen), false
}

func (t *tail) use(ctx context.Context, c *conn, yield func(Event, error) bool) error {
	s := newStream(c, streamOptions{t.options.Buffer, true, t.options.KeyFormat, t.options.ValueFormat, func([]byte) bool { return false }, nil, nil})
	skip, left := t.goOn(yield)
	err := errLeft
	if !left {
		err = t.deliver(ctx, s, skip, yield)
	}
	switch {
	case t.options.UntilEnd && hasCloseCode(err, proxy.CloseNormal):
		s.abandon()
		return nil
	case errors.Is(err, errLeft), ctx.Err() != nil:
		s.leave()
		return err
	}
	s.abandon()
	return err
}

func (t *tail) deliver(ctx context.Context, s *stream, skip map[place]int64, yield func(Event, error) bool) error {
	for {
		f, _, err := s.next(ctx, nil)
		if err != nil {
			return err
		}
		var e Event
		if f.record != nil {
			r := newRecord(f.record)
			at := place{r.Topic, r.Partition}
			if last, known := skip[at]; known && r.Offset <= last {
				_ = s.taken()
				continue
			}
			t.seen[at] = r.Offset
			e.Record = r
		} else if e, err = t.event(f.control); err != nil {
			return err
		}
		if e != (Event{}) && !yield(e, nil) {
			return errLeft
		}
		if f.record != nil {
			_ = s.taken() // if it fails, the connection has ended behind the frames that are there
		}
	}
}

// event reads a message that is no record.
func (t *tail) event(message []byte) (Event, error) {
	c, err := parseControl(message)
	if err != nil {
		return Event{}, &Error{
			Code: proxy.KindInvalidMessage.String(), Message: "the proxy has sent what this client does not know: " + err.Error(), Close: int(proxy.CloseProtocolError),
		}
	}
	if c.Cursor != "" {
		t.cursor = c.Cursor
		clear(t.seen)
	}
	if c.Gap != nil && c.Gap.Reason != "SLOW" { // offsets may begin anew
		delete(t.seen, place{c.Gap.Topic, c.Gap.Partition})
	}
	return Event{Gap: c.Gap, Conflated: c.Conflated, Snapshot: c.Snapshot, Started: c.Tail, Cursor: c.Cursor, Problem: c.err()}, nil
}
