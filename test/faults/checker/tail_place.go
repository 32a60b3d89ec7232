package checker

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// topicLog is what a topic holds and has held.
type topicLog struct {
	instances   []Instance
	at          map[place]*Record
	keyed       map[slot]map[string][]*Record // the records of each key, by rising offset
	isCompacted bool                          // whether some records were removed
}

func newTopicLog(instances []Instance) *topicLog {
	l := &topicLog{instances: instances, at: make(map[place]*Record), keyed: make(map[slot]map[string][]*Record)}
	for n := range instances {
		for partition, records := range instances[n].Log {
			l.index(slot{n, partition}, records)
		}
	}
	return l
}

func (l *topicLog) index(s slot, records []Record) {
	keyed := make(map[string][]*Record)
	for i := range records {
		r := &records[i]
		l.at[place{s, r.Offset}] = r
		keyed[r.Key] = append(keyed[r.Key], r)
		l.isCompacted = l.isCompacted || r.IsRemoved
	}
	l.keyed[s] = keyed
}

// find finds a record with its content, in the newest instance that has it.
func (l *topicLog) find(e *history.Event) (at place, r *Record) {
	for n := range slices.Backward(l.instances) {
		at = place{slot{n, e.Partition}, e.Offset}
		if r = l.at[at]; r != nil && r.Content == e.Content {
			return at, r
		}
	}
	return at, nil
}

// from returns the records from an offset on.
func (l *topicLog) from(s slot, offset int64) []Record {
	if s.instance >= len(l.instances) {
		return nil
	}
	records := l.instances[s.instance].Log[s.partition]
	first, _ := slices.BinarySearchFunc(records, offset, func(r Record, o int64) int { return cmp.Compare(r.Offset, o) })
	return records[first:]
}

// within returns the records from an offset on, up to another, that a filter may want. Those of keys are looked up: the
// cost of a check follows what tails want, and not all that there is for each.
func (l *topicLog) within(s slot, from, until int64, f *filter) iter.Seq[*Record] {
	return func(yield func(*Record) bool) {
		if f.all {
			records := l.from(s, from)
			for i := range records {
				if records[i].Offset >= until || !yield(&records[i]) {
					return
				}
			}
			return
		}
		for _, r := range l.ofKeys(s, from, until, f.keys) {
			if !yield(r) {
				return
			}
		}
	}
}

// ofKeys returns the records of keys in a range, by rising offset.
func (l *topicLog) ofKeys(s slot, from, until int64, keys []string) (found []*Record) {
	offset := func(r *Record, o int64) int { return cmp.Compare(r.Offset, o) }
	for _, key := range keys {
		if key == "" { // is wanted by no filter of keys
			continue
		}
		records := l.keyed[s][key]
		first, _ := slices.BinarySearchFunc(records, from, offset)
		last, _ := slices.BinarySearchFunc(records, until, offset)
		if first < last {
			found = append(found, records[first:last]...)
		}
	}
	if len(keys) > 1 {
		slices.SortFunc(found, func(a, b *Record) int { return cmp.Compare(a.Offset, b.Offset) })
	}
	return slices.Compact(found) // a key may be named twice
}

// tailPlace is where a tail is in a partition.
type tailPlace struct {
	instance int   // negative where none is known
	anew     bool  // it was told that the topic was made again: the next record is of a later instance
	known    bool  // whether next is known, and not only what must come
	begin    int64 // what is from here on must come; never where only what is sent later must
	next     int64 // of a tail that conflates, of records without a key
	cuts     []int64

	// Of a tail that conflates.
	newest  map[string]int64 // the newest record of each key that it has, from whichever connection
	learned int              // of which instance these are where that of the place is not known
	given   map[string]int64 // the last of each key that must not come again
	floor   int64            // what is before must not come
	excused int64            // what is before need not come
}

func (topic *tailTopic) place(partition int32) *tailPlace {
	p := topic.places[partition]
	if p == nil {
		begin := int64(never)
		if topic.whole {
			begin = 0
		}
		p = &tailPlace{instance: -1, begin: begin, newest: make(map[string]int64), given: make(map[string]int64)}
		topic.places[partition] = p
	}
	return p
}

func (topic *tailTopic) clone() *tailTopic {
	c := *topic
	c.filters, c.places = slices.Clone(topic.filters), make(map[int32]*tailPlace, len(topic.places))
	for partition, p := range topic.places {
		q := *p
		q.newest, q.given = maps.Clone(p.newest), maps.Clone(p.given)
		c.places[partition] = &q
	}
	return &c
}

// learn takes what a client has, of another connection, which may itself know it from others only.
func (p *tailPlace) learn(other *tailPlace) {
	of := other.instance
	if of < 0 && !other.anew {
		of = other.learned
	}
	if p.instance < 0 && !p.anew {
		p.learned = of
	} else if of != p.instance || other.anew != p.anew {
		return
	}
	for key, offset := range other.newest {
		p.newest[key] = max(offset, p.newest[key])
	}
}

// pass moves the place behind what a client has.
func (p *tailPlace) pass(next int64) {
	p.resolve(next)
	p.known, p.next, p.floor, p.begin = true, max(p.next, next), max(p.floor, next), min(p.begin, next)
}

// resolve chooses which of the places where a snapshot may have ended is the one before an offset.
func (p *tailPlace) resolve(offset int64) {
	if p.cuts == nil {
		return
	}
	p.known, p.next = true, p.cuts[0]
	for _, cut := range p.cuts {
		if cut <= offset {
			p.next = cut
		}
	}
	p.floor, p.excused, p.cuts = p.next, max(p.excused, p.next), nil
}

// begin moves a place to a later instance, at its gap where one was told.
func (t *tails) begin(p *tailPlace, instance int) {
	if p.anew {
		next := p.next // behind what has expired of it
		p.enter(instance, next)
		p.excused = next
		return
	}
	p.enter(instance, 0)
	p.known = false
}

// is sets the instance, which was not known.
func (p *tailPlace) is(instance int) {
	if p.instance = instance; p.learned != instance {
		clear(p.newest)
	}
}

// enter moves the place to a later instance, of which all must come.
func (p *tailPlace) enter(instance int, next int64) {
	*p = tailPlace{instance: instance, known: true, next: next, newest: make(map[string]int64), given: make(map[string]int64)}
}

// mustShow tells whether a message was acknowledged before the tail was asked for, so that its end is behind it. Committed records
// may have been behind a transaction that was open, or whose end Kafka had yet to write to their partition.
func (topic *tailTopic) mustShow(m sending) bool {
	return !topic.wants.Committed && !m.answered.IsZero() && m.answered.Before(topic.asked)
}

// record takes a record that a tail was given.
func (t *tails) record(e *history.Event, topic *tailTopic) {
	log := t.logs[topic.name]
	at, r := log.find(e)
	if r == nil {
		t.judgeUnknown(e, at, log)
		return
	}
	t.report.Tailed++
	if !topic.allows(r, t.sent[r.ID]) {
		t.violated(Unwanted, e, "%s at %s has a key that was not asked for: %q", r.ID, at, r.Key)
	}
	if topic.snapshot != nil {
		t.newest(e, topic, at, r)
		return
	}
	p := topic.place(e.Partition)
	if !t.enters(e, topic, p, at) {
		return
	}
	p.resolve(e.Offset)
	if p.begin == never && topic.mustShow(t.sent[r.ID]) {
		t.violated(Unwanted, e, "%s at %s was acknowledged before the tail that begins at the end was asked for", r.ID, at)
	}
	p.begin = min(p.begin, e.Offset)
	if topic.wants.Conflates() {
		t.conflated(e, topic, p, at, r)
		return
	}
	if p.known && e.Offset < p.next {
		t.violated(GivenTwice, e, "%s at %s is given, where %d is due", r.ID, at, p.next)
		return
	}
	t.judgeHole(e, topic, p, at.slot, e.Offset)
	p.known, p.next = true, e.Offset+1
}

// judgeUnknown judges a record that no log has as it is.
func (t *tails) judgeUnknown(e *history.Event, at place, log *topicLog) {
	for n := range slices.Backward(log.instances) {
		if r := log.at[place{slot{n, e.Partition}, e.Offset}]; r != nil {
			t.violated(WrongBytes, e, "%s was given as %.200q, is %.200q", at, e.Content, r.Content)
			return
		}
	}
	t.violated(Invented, e, "%s was given, and is not in the log: %.200q", at, e.Content)
}

// enters tells whether a record may be of the instance that it is of.
func (t *tails) enters(e *history.Event, topic *tailTopic, p *tailPlace, at place) bool {
	switch {
	case p.instance < 0 && !p.anew:
		p.is(at.instance)
	case at.instance == p.instance && !p.anew:
	case at.instance > p.instance && (p.anew || !p.known || p.next == 0 || at.partition >= t.made[at.instance]): // or was added to it
		t.begin(p, at.instance)
	default:
		t.violated(Mixed, e, "%s of %s was given after records of instance %d, and no gap tells", at, topic.name, p.instance)
		return false
	}
	return true
}

// conflated is record for a tail that conflates: the records of each key come in order, and all without one.
func (t *tails) conflated(e *history.Event, topic *tailTopic, p *tailPlace, at place, r *Record) {
	if topic.name == t.main && !p.known { // it begins where the log begins
		p.excused = max(p.excused, t.trimmed[at.slot])
	}
	if e.Offset < p.floor {
		t.violated(GivenTwice, e, "%s at %s is given, where %d is due", r.ID, at, p.floor)
		return
	}
	mayRepeat := topic.wants.Every > 0 // records do not come by their offsets: who goes back to the log is given some again
	if r.Key != "" {
		if last, has := p.given[r.Key]; has && last >= e.Offset && !mayRepeat {
			t.violated(GivenTwice, e, "%s at %s is given after one with the same key at %d", r.ID, at, last)
		}
		p.given[r.Key], p.newest[r.Key] = e.Offset, max(p.newest[r.Key], e.Offset)
		return
	}
	if e.Offset < p.next {
		if !mayRepeat {
			t.violated(GivenTwice, e, "%s at %s is given, where %d is due", r.ID, at, p.next)
		}
		return
	}
	t.judgeHole(e, topic, p, at.slot, e.Offset)
	p.known, p.next = true, e.Offset+1
}

// judgeHole finds records before an offset that were not given, and no gap tells.
func (t *tails) judgeHole(e *history.Event, topic *tailTopic, p *tailPlace, s slot, until int64) {
	first, missing := (*Record)(nil), 0
	for r := range t.logs[topic.name].within(s, p.next, until, topic.newest()) {
		if topic.wants.Conflates() && r.Key != "" || !t.demands(topic, p, s, r) {
			continue
		}
		if missing++; first == nil {
			first = r
		}
	}
	if missing > 0 {
		t.violated(Untold, e, "%s at %s was not given, with %d more before %d, and no gap tells", first.ID, place{s, first.Offset}, missing-1, until)
	}
}

// demands tells whether a record from the place on must come.
func (t *tails) demands(topic *tailTopic, p *tailPlace, s slot, r *Record) bool {
	message := t.sent[r.ID]
	switch {
	case r.IsRemoved:
		return false
	case topic.name == t.main && r.Offset < t.trimmed[s] && !p.known: // else a gap must tell
		return false
	case r.Offset < p.begin && message.index <= topic.begun:
		return false
	case r.Offset < p.floor && !topic.hasWanted(r): // the client says that it has all before that it has asked for
		return false
	}
	return topic.demands(r, message)
}
