package feed

import (
	"context"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TailOptions are those of a tail.
type TailOptions struct {
	Variant    Variant
	NewEncoder func() Encoder // of the variant
	At         proxy.Places   // where it begins, of all partitions; nil for the end of the log
	Selection  *Selection     // nil for all records
	Slow       Slow
	// Every is how long at least there is between two records of a key, of which the newest is given; 0 for no such time.
	// Slow is SlowLatest then.
	Every    time.Duration
	Gaps     []proxy.Gap // are told before all records
	Before   TopicCursor // where the client is until it is told Gaps
	Snapshot bool        // whether the newest records come first; At is nil then
	Window   *Window     // of the connection; nil where nothing is sent compressed
	// Slowed is called once where Slow is SlowClose and the tail has fallen behind, from any goroutine. It must not wait.
	Slowed func()
	// Wake is called when there may be frames, from any goroutine. It must not wait.
	Wake func()
}

// selection returns the tail's selection from its ring, nil where it reads that as it is.
func (o *TailOptions) selection() *Selection {
	switch {
	case o.Every > 0 && o.Selection != nil && o.Selection.Keys != nil:
		return &Selection{Partition: proxy.AnyPartition, Keys: o.Selection.Keys, Prefixes: o.Selection.Prefixes}
	case o.Every > 0:
		return nil
	case o.Selection == nil && o.Slow == SlowLatest:
		return everything()
	}
	return o.Selection
}

// before returns what of the selection is applied before records are conflated: all but the keys that are named, with
// which prefixes are a whole.
func (o *TailOptions) before() *Selection {
	if o.Selection == nil {
		return everything()
	}
	if o.Selection.Keys != nil {
		without := *o.Selection
		without.Keys, without.Prefixes = nil, nil
		return &without
	}
	return o.Selection
}

// Tail is one reader of a log.
type Tail struct {
	log        *Log
	audience   *audience
	newEncoder func() Encoder
	slow       Slow
	slowed     func() // is called when err becomes ErrSlow
	wake       func()
	window     *Window
	ended      context.Context
	cancel     context.CancelFunc
	catching   sync.WaitGroup
	taken      chan struct{} // tells who reads the log that the page was taken
	lost       []proxy.Gap   // what the log did not have anymore when the tail was opened

	selection *Selection // guarded by the lock of the log, and also by mu where it is changed

	mu        sync.Mutex   // guards what follows
	spot      spot         // of the ring, or of the page while the tail reads the log
	live      bool         // whether the spot is one of the ring
	isVoid    bool         // whether the ring has begun anew
	queue     queue        // of the records that a selection wants
	joining   *joining     // while a tail with a selection reads the log, and the ring has all that comes after it
	page      *page        // of the log, which the writer has yet to take
	told      [][]byte     // frames that tell gaps, which the writer has yet to take: they come before all others
	before    *TopicCursor // where the client is until it is told the gaps that the writer has yet to take; nil where none are
	inherited []*snapshot  // come before all others
	newest    []*snapshot  // come before the page and the ring
	conflated int          // how many records were left out, and not told
	tellAt    time.Time    // when that may be told
	tells     bool         // whether the writer will be woken then
	err       error        // why nothing more is given
}

// Open begins a tail. Close must be called in the end.
func (l *Log) Open(ctx context.Context, o TailOptions) (*Tail, error) {
	t := &Tail{
		log: l, newEncoder: o.NewEncoder, slow: o.Slow, slowed: o.Slowed, wake: o.Wake, window: o.Window, selection: o.selection(), taken: make(chan struct{}, 1),
	}
	t.told = newPage(o.NewEncoder(), o.Gaps).controls
	if len(o.Gaps) > 0 {
		t.before = &o.Before
	}
	t.ended, t.cancel = context.WithCancel(l.gone)
	if err := l.place(ctx, t, &o); err != nil {
		t.cancel()
		return nil, err
	}
	var err error
	switch {
	case o.At != nil:
		err = t.begin(ctx, o.At.Clone())
	case o.Snapshot:
		err = t.cut(ctx)
	}
	if err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// place has a tail join those that read the same ring. Where it begins at the end of the log it is live.
func (l *Log) place(ctx context.Context, t *Tail, o *TailOptions) error {
	ends, err := l.begin(ctx, o.At)
	if err != nil {
		return err
	}
	if ends == nil && o.At == nil && !o.Snapshot {
		ends = l.ends.get(ctx)
	}
	return l.join(t, o, func(a *audience) {
		t.audience = a
		if o.At == nil {
			t.spot, t.live = l.endOf(a), true
			t.spot.skipTo(ends, a.ring)
			t.queue = t.openQueue()
		}
	})
}

// begin begins at places: in the ring if that has all that comes after them, and else in the log. Places that are
// beyond the ring may be beyond the log, too.
func (t *Tail) begin(ctx context.Context, at proxy.Places) error {
	t.spot = spot{begin: at.Clone()}
	if len(at.Ahead(t.audience.ring.places())) == 0 && t.goLive(at) {
		return nil
	}
	if t.canSweep(at) { // the ring has all that comes behind
		t.mu.Lock()
		defer t.mu.Unlock()
		t.catchUp(at, nil)
		return nil
	}
	checked, err := t.log.source.Check(ctx, at)
	if err != nil {
		return err //nolint:wrapcheck // an error for the client
	}
	t.lost = checked.Gaps
	if len(checked.Gaps) == 0 { // the ring may only have yet to come to where the tail is
		there := at.Clone()
		if there.Pass(checked); t.goLive(there) {
			return nil
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp(at, &checked)
	return nil
}

// Lost returns what the log did not have anymore behind the places where the tail was to begin. Its frames tell that, too.
func (t *Tail) Lost() []proxy.Gap { return t.lost }

// Close ends the tail.
func (t *Tail) Close() {
	t.mu.Lock() // nothing begins to read the log afterwards
	t.cancel()
	t.leaveSnapshots()
	t.mu.Unlock()
	t.log.leave(t)
	t.catching.Wait()
}

// Err tells why the tail has ended, if it has.
func (t *Tail) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Cursor returns the place of the tail behind what Fill has given, gaps included, and the text of the cursor of that
// alone. What it returns is shared, and must not be changed. While newest records come it is the place before them; where
// the tail begins with these there is none, and the text is empty.
func (t *Tail) Cursor() (TopicCursor, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.before != nil {
		return *t.before, Cursor{*t.before}.String()
	}
	if t.hasNoPlace() {
		return TopicCursor{t.log.name.Topic, t.log.name.ID, t.spot.places()}, ""
	}
	if t.live && !t.isVoid && len(t.spot.ahead) == 0 {
		m := t.audience.markAt(t.log.name, &t.spot)
		return TopicCursor{t.log.name.Topic, t.log.name.ID, m.places}, m.cursor
	}
	at := TopicCursor{t.log.name.Topic, t.log.name.ID, t.spot.places()}
	return at, Cursor{at}.String()
}

// CanSelect tells whether Select takes a selection: with Every all but the keys that are named is applied before records
// are conflated, for all tails that read the same ring.
func (t *Tail) CanSelect(s *Selection) bool {
	o := TailOptions{Selection: s}
	return t.audience.conflator == nil || t.audience.before.sharedText() == o.before().sharedText()
}

// Select replaces the selection of the tail by one that it can have.
func (t *Tail) Select(s *Selection) {
	t.log.mu.Lock()
	defer t.log.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.selectAnew(s)
}

// selectAnew is Select, under the locks of the log and the tail.
func (t *Tail) selectAnew(s *Selection) {
	switch {
	case t.audience.conflator != nil:
		s = (&TailOptions{Selection: s, Every: t.audience.conflator.every}).selection()
	case s == nil && t.slow == SlowLatest:
		s = everything()
	}
	t.audience.remove(t, t.selection)
	before := t.selection
	t.selection = s
	t.audience.add(t, s)
	switch {
	case !t.live:
		t.joining, t.queue = nil, queue{}
	case before == nil && s != nil, before != nil && s == nil: // what comes next lies elsewhere
		t.stay()
	}
}

// holdBack keeps the place of the client until it is told gaps. t.mu is held.
func (t *Tail) holdBack(at proxy.Places) {
	if t.before == nil {
		t.before = &TopicCursor{t.log.name.Topic, t.log.name.ID, at}
	}
}

// stay has a live tail go on at the end of the ring where it is there, else from its places in the log. The locks of
// the log and the tail are held.
func (t *Tail) stay() {
	end := t.audience.ring.end()
	if t.spot.isBefore(&end) || t.queue.waits > 0 {
		t.live, t.queue = false, queue{}
		t.catchUp(t.spot.places(), nil)
		return
	}
	t.queue = t.openQueue()
}

// void tells the tail that the ring has begun anew, after a gap: what it is at is told by the log.
func (t *Tail) void() {
	t.mu.Lock()
	t.isVoid = true
	t.queue, t.joining = queue{}, nil
	t.mu.Unlock()
	t.wake()
}

// fail tells the writer that nothing more is given.
func (t *Tail) fail(err error) {
	t.mu.Lock()
	if t.err == nil {
		t.err = err
	}
	t.mu.Unlock()
	t.wake()
}
