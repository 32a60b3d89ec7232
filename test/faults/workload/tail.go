package workload

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// Tail reads topics live, on consecutive connections of which each goes on where the one before was.
type Tail struct {
	Client        // Topic is what it begins with: names, separated by commas
	Main   string // the topic that the suite is about
	Rand   *rand.Rand
	Wants  history.Tail // From is where it begins without a cursor
	Batch  bool         // records come in arrays
	// Committed means that it reads committed records only.
	Committed bool
	// Cursors is how often it has asked for a cursor, 0 for at random.
	Cursors time.Duration
	// Further are topics that it may add and end again.
	Further []string
	// Selects means that it changes its keys now and then.
	Selects bool
	Slow    time.Duration // between two messages read
	Stalls  bool          // it stops reading for seconds now and then
	Pongs   Pongs
	Life    time.Duration // of a connection
	Ending  func(*rand.Rand) Ending
	// Calm ends with the time of faults: then it reads well, and its connection stays.
	Calm context.Context //nolint:containedctx // it is not what Run ends with

	place tailPlace
	reads atomic.Bool
	given atomic.Int64
}

// Given returns how many records it has read, on all its connections.
func (t *Tail) Given() int64 { return t.given.Load() }

// Reads tells whether it is being served now: its connection is open, and has had its first frame.
func (t *Tail) Reads() bool { return t.reads.Load() }

// tailPlace is where a tail is.
type tailPlace struct {
	cursor string   // the last, on any connection
	topics []string // that the cursor has
	beyond map[string]map[int32]int64
}

// Run reads until ctx ends.
func (t *Tail) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wants := t.wanted()
		opened := history.Event{Kind: history.TailOpen, Group: t.ClientID, Tail: &wants}
		client := t.Client
		client.Topic = strings.Join(wants.Topics, ",")
		s, err := client.open(ctx, "/socket/tail", opened, t.parameters(&wants))
		if err == nil {
			t.serve(ctx, s, &wants)
		}
		if !Pause(ctx, time.Duration(t.Rand.Int64N(int64(reconnectMax)))) {
			return
		}
	}
}

// wanted is what the next connection asks for: with a cursor, and mostly with what came behind it.
func (t *Tail) wanted() history.Tail {
	wants := t.Wants
	wants.Committed = t.Committed
	wants.Topics = strings.Split(t.Topic, ",")
	if t.place.cursor == "" {
		return wants
	}
	wants.From, wants.Cursor, wants.Topics = "cursor", t.place.cursor, slices.Clone(t.place.topics)
	if wants.Every > 0 || t.Rand.IntN(4) == 0 { // records do not come by their offsets, or come again
		return wants
	}
	for _, topic := range slices.Sorted(maps.Keys(t.place.beyond)) {
		if !slices.Contains(wants.Topics, topic) {
			continue
		}
		for _, partition := range slices.Sorted(maps.Keys(t.place.beyond[topic])) {
			wants.After = append(wants.After, history.After{Topic: topic, Partition: partition, Offset: t.place.beyond[topic][partition]})
		}
	}
	return wants
}

func (t *Tail) parameters(wants *history.Tail) url.Values {
	cursors := t.Cursors.Milliseconds()
	if cursors == 0 {
		cursors = 50 + t.Rand.Int64N(1500)
	}
	v := url.Values{"from": {wants.From}, "slow": {wants.Slow}, "cursors": {strconv.FormatInt(cursors, 10)}}
	if wants.Cursor != "" {
		v.Set("from", "cursor:"+wants.Cursor)
	}
	for _, a := range wants.After {
		v.Add("after", a.Topic+":"+strconv.Itoa(int(a.Partition))+":"+strconv.FormatInt(a.Offset, 10))
	}
	for _, key := range wants.Keys {
		v.Add("key", key)
	}
	if wants.Every > 0 {
		v.Set("every", strconv.FormatInt(wants.Every.Milliseconds(), 10))
	}
	if wants.Snapshot {
		v.Set("snapshot", "true")
	}
	if t.Batch {
		v.Set("batch", "true")
	}
	if t.Committed {
		v.Set("isolationLevel", "read_committed")
	}
	return v
}

// serve reads until the connection ends, or its life is over.
func (t *Tail) serve(ctx context.Context, s *session, wants *history.Tail) {
	c := &tailing{session: s, tail: t, topics: slices.Clone(wants.Topics)}
	c.place = tailPlace{beyond: make(map[string]map[int32]int64)}
	if wants.Cursor != "" {
		c.place = t.place
	}
	pace := rand.New(rand.NewPCG(t.Rand.Uint64(), 0))
	go s.read(c.take, func() { t.pause(s, pace) }, t.Pongs)
	life := t.Life
	if t.Calm.Err() != nil {
		life = time.Hour
	}
	c.live(life)
	t.reads.Store(false)
	ending := t.Ending(t.Rand)
	if ctx.Err() != nil {
		ending = CloseAtOnce
	}
	s.end(ctx, ending, t.Rand)
	t.place = c.place
}

const (
	// stallsIn is in how many messages a tail that stalls does so once.
	stallsIn = 100
	// stallMax bounds for how long.
	stallMax = 6 * time.Second
)

// pause is between two messages.
func (t *Tail) pause(s *session, r *rand.Rand) {
	if t.Calm.Err() != nil {
		return
	}
	if t.Slow > 0 {
		Pause(s.stopped, t.Slow)
	}
	if t.Stalls && r.IntN(stallsIn) == 0 {
		Pause(s.stopped, time.Duration(r.Int64N(int64(stallMax))))
	}
}
