package feed

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// audience is a ring, and the tails that read it. The lock of its Log guards what has no other.
//
// Tails that are given all records are woken, and read the ring. Those with a selection have a queue of where their
// records lie: each record is looked up by its key, and each other selection is evaluated once, however many tails
// have it.
type audience struct {
	ring    *ring
	encoder Encoder

	whole  map[*Tail]struct{}   // are given all
	byKey  map[string][]*Tail   // by the keys that they name
	shared map[string]*sharedBy // those whose selection is not by keys that they name, by what it is
	picky  map[*Tail]struct{}   // all with a selection
	strict map[*Tail]struct{}   // end when they fall behind

	sweeps sweeps

	// settled is where the records begin that the queues may not have yet.
	settled atomic.Pointer[spot]
	marked  atomic.Pointer[mark]

	// Of an audience whose records are conflated; nil in others.
	conflator *conflator
	before    *Selection // is applied before
	frame     []byte     // reused

	// Of the record that is routed.
	batch uint64          // counts those that were delivered
	key   []byte          // reused
	ends  []int           // reused
	held  map[string]bool // the filters that were evaluated, by their texts
}

// sharedBy is a selection of some tails.
type sharedBy struct {
	selection *Selection
	tails     map[*Tail]struct{}
}

func newAudience(m *memory, chunkBytes int, begin proxy.Places, encoder Encoder) *audience {
	a := &audience{
		ring: newRing(m, chunkBytes, begin, encoder.AppendRecord), encoder: encoder,
		whole: map[*Tail]struct{}{}, byKey: map[string][]*Tail{}, shared: map[string]*sharedBy{},
		picky: map[*Tail]struct{}{}, strict: map[*Tail]struct{}{}, held: map[string]bool{},
	}
	a.settle()
	return a
}

// add adds a tail with a selection, nil for all.
func (a *audience) add(t *Tail, s *Selection) {
	if t.slow == SlowClose {
		a.strict[t] = struct{}{}
	}
	if s == nil {
		a.whole[t] = struct{}{}
		return
	}
	a.picky[t] = struct{}{}
	for key := range s.Keys {
		a.byKey[key] = append(a.byKey[key], t)
	}
	if s.Keys != nil && len(s.Prefixes) == 0 {
		return
	}
	text := s.sharedText()
	if a.shared[text] == nil {
		a.shared[text] = &sharedBy{s.withoutKeys(), map[*Tail]struct{}{}}
	}
	a.shared[text].tails[t] = struct{}{}
}

// remove undoes add.
func (a *audience) remove(t *Tail, s *Selection) {
	delete(a.whole, t)
	delete(a.picky, t)
	delete(a.strict, t)
	if s == nil {
		return
	}
	for key := range s.Keys {
		a.removeKey(key, t)
	}
	text := s.sharedText()
	if shared := a.shared[text]; shared != nil {
		if delete(shared.tails, t); len(shared.tails) == 0 {
			delete(a.shared, text)
		}
	}
}

func (a *audience) removeKey(key string, t *Tail) {
	tails := slices.DeleteFunc(a.byKey[key], func(each *Tail) bool { return each == t })
	if len(tails) == 0 {
		delete(a.byKey, key)
		return
	}
	a.byKey[key] = tails
}

// withoutKeys is what of a selection tails have in common that differ in the keys that they name.
func (s *Selection) withoutKeys() *Selection {
	common := *s
	common.Keys = nil
	return &common
}

// sharedText identifies a selection without the keys that it names.
func (s *Selection) sharedText() string {
	prefixes := slices.Sorted(slices.Values(s.Prefixes))
	parts := append([]string{strconv.Itoa(int(s.Partition))}, prefixes...)
	if s.Where != nil {
		parts = append(parts, "\x00where", s.Where.Text())
	}
	if s.Allowed != nil {
		parts = append(parts, "\x00rule", s.Allowed.Rule)
	}
	return strings.Join(parts, "\x00")
}

// deliver appends a batch to the ring, puts its records into the queues of those who want them, and wakes the tails.
func (a *audience) deliver(batch proxy.Batch) {
	a.batch++
	keys := a.keysOf(batch.Records)
	at := a.ring.append(batch.Records, keys, batch.Next)
	if len(a.picky) > 0 {
		for i := range batch.Records {
			a.route(&batch.Records[i], keys[i], at)
			at = a.ring.after(at)
		}
	}
	a.settle()
	a.wakeAll()
}

// wakeAll tells the tails that the ring has grown. Those with a queue are woken for what is in it.
func (a *audience) wakeAll() {
	for t := range a.whole {
		t.wake()
	}
	for t := range a.strict {
		t.endIfBehind()
	}
}

// settle tells that all records of the ring are in the queues.
func (a *audience) settle() {
	end := a.ring.end()
	a.settled.Store(&end)
}

// route puts a record into the queues of the tails that want it.
func (a *audience) route(r *proxy.Record, k key, at location) {
	clear(a.held)
	known := func(*proxy.Record) string { return k.text }
	if k.is {
		for _, t := range a.byKey[k.text] {
			if t.selection.matches(r, known, a.holds) {
				t.enqueue(at, tableKey{r.Partition, k.text}, true, a.batch)
			}
		}
	}
	for _, shared := range a.shared {
		if !shared.selection.matches(r, known, a.holds) {
			continue
		}
		for t := range shared.tails {
			if _, named := t.selection.Keys[k.text]; !named || !k.is {
				t.enqueue(at, tableKey{r.Partition, k.text}, k.is, a.batch)
			}
		}
	}
}

// holds evaluates a filter, once for each record.
func (a *audience) holds(f *Filter, r *proxy.Record) bool {
	held, is := a.held[f.text]
	if !is {
		held = f.Matches(r)
		a.held[f.text] = held
	}
	return held
}

// keysOf returns the keys of records. Where no tail has a selection, the ring alone keeps them, for tails that join it
// later: then their texts are parts of one, so that they cost no allocation each. Else queues keep some for longer.
func (a *audience) keysOf(records []proxy.Record) []key {
	keys := make([]key, len(records))
	if len(a.picky) > 0 {
		for i := range records {
			keys[i] = a.keyOf(&records[i])
		}
		return keys
	}
	a.key, a.ends = a.key[:0], a.ends[:0]
	for i := range records {
		if keys[i].is = records[i].Key != nil; keys[i].is {
			a.key = a.encoder.AppendKey(a.key, &records[i])
		}
		a.ends = append(a.ends, len(a.key))
	}
	text, begin := string(a.key), 0
	for i, end := range a.ends {
		keys[i].text, begin = text[begin:end], end
	}
	return keys
}

// keyOf returns the key of a record, as its frame shows it.
func (a *audience) keyOf(r *proxy.Record) key {
	if r.Key == nil {
		return key{}
	}
	a.key = a.encoder.AppendKey(a.key[:0], r)
	return key{string(a.key), true}
}

// restart drops all of the ring: it goes on from places.
func (a *audience) restart(from proxy.Places) {
	for t := range a.whole {
		t.void()
	}
	for t := range a.picky {
		t.void()
	}
	if a.conflator != nil {
		a.conflator.reset(from)
	}
	a.ring.restart(from) // afterwards: a tail that misses its records must know that it is not too slow
	a.settle()
}

// mark is what tails at the same spot of a chunk share: the place there, and its cursor.
type mark struct {
	index  *index
	read   int
	moves  uint64 // of the ring, before places was found
	places proxy.Places
	cursor string
}

// markAt returns the mark of a spot that is in front of nothing that the tail was given. Spots in front of a ring that is
// empty share none: they do not tell one history of the ring from the next.
func (a *audience) markAt(name Name, s *spot) *mark {
	moves := a.ring.moves.Load()
	if m := a.marked.Load(); m != nil && m.index == s.index && m.read == s.read && m.moves == moves {
		return m
	}
	m := &mark{index: s.index, read: s.read, moves: moves, places: a.ring.placesAt(s)}
	m.cursor = Cursor{{name.Topic, name.ID, m.places}}.String()
	if m.index != nil {
		a.marked.Store(m)
	}
	return m
}
