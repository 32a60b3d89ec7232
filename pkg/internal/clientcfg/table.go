package clientcfg

import (
	"sync"
	"time"
)

// Options are what a Table is made from.
type Options struct {
	Consumers, Producers Limits // the defaults, from the settings
	Static               Static
	Dynamic              bool   // whether there is a topic to be read
	Skipped              func() // counts a record that cannot be read; may be nil
}

// Table holds the limits in force. It is safe for concurrent use.
//
// Restart, Read and CaughtUp pass it the records of the topic, from one goroutine.
type Table struct {
	defaults map[Kind]Limits
	static   map[identity]Entry
	listed   []Client // the static ones in the order of the file
	skipped  func()

	mu       sync.RWMutex // guards what follows
	caughtUp bool         // whether the end of the topic was ever reached
	dynamic  map[identity]Entry
	replay   map[identity]Entry // the entries read since a restart; nil once they are in force
	watchers map[identity]map[*watcher]struct{}
	awaited  *readBack // nil while no change is being written
}

// watcher is called with the limits in force for one client.
type watcher struct {
	told  Limits
	apply func(Limits)
}

// New returns a table of the static limits. Where there are dynamic ones, too, they come into
// force when the end of the topic is reached.
func New(o Options) *Table {
	t := &Table{
		defaults: map[Kind]Limits{
			Consumer: o.Static.defaults[Consumer].over(o.Consumers),
			Producer: o.Static.defaults[Producer].over(o.Producers),
		},
		static: make(map[identity]Entry), listed: o.Static.clients, skipped: o.Skipped, caughtUp: !o.Dynamic,
		dynamic: make(map[identity]Entry), watchers: make(map[identity]map[*watcher]struct{}),
	}
	for _, c := range o.Static.clients {
		t.static[identity{c.Kind, c.ID}] = c.Entry
	}
	if t.skipped == nil {
		t.skipped = func() {}
	}
	if o.Dynamic {
		t.replay = make(map[identity]Entry)
	}
	return t
}

// Limits returns the limits in force for a client now. Use Watch to follow changes.
func (t *Table) Limits(kind Kind, id string) Limits {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.inForce(identity{kind, id})
}

// inForce needs t.mu.
func (t *Table) inForce(i identity) Limits {
	entry, ok := t.dynamic[i]
	if !ok {
		entry = t.static[i]
	}
	return entry.over(t.defaults[i.kind])
}

// Watch calls apply with the limits that are in force for a client, at once and then with each
// change until stop. apply must be quick and must not call the table.
func (t *Table) Watch(kind Kind, id string, apply func(Limits)) (stop func()) {
	i, w := identity{kind, id}, &watcher{apply: apply}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.watchers[i] == nil {
		t.watchers[i] = make(map[*watcher]struct{})
	}
	t.watchers[i][w] = struct{}{}
	w.told = t.inForce(i)
	apply(w.told)
	return func() { t.forget(i, w) }
}

func (t *Table) forget(i identity, w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.watchers[i], w)
	if len(t.watchers[i]) == 0 {
		delete(t.watchers, i)
	}
}

// tell calls the watchers of a client whose limits have changed. t.mu is held.
func (t *Table) tell(i identity) {
	limits := t.inForce(i)
	for w := range t.watchers[i] {
		if w.told != limits {
			w.told = limits
			w.apply(limits)
		}
	}
}

// Restart tells that the topic is read from its beginning. The limits in force stay in force until
// its end is reached.
func (t *Table) Restart(string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.replay = make(map[identity]Entry)
}

// Read takes the next record of the topic. It does not retain key or value.
func (t *Table) Read(_ int64, _ time.Time, key, value []byte) {
	i, ok := parseKey(key)
	if !ok {
		t.skipped()
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	into := t.dynamic
	if t.replay != nil {
		into = t.replay
	}
	if !put(into, i, value) {
		t.skipped()
	}
	if t.replay == nil {
		t.tell(i)
	}
	t.awaited.read(key, value)
	t.endAwaited()
}

// put applies the value of a record to entries. It returns whether the value could be read.
func put(entries map[identity]Entry, i identity, value []byte) bool {
	if value == nil {
		delete(entries, i)
		return true
	}
	entry, err := parseValue(i.kind, i.id, value)
	_, known := entries[i]
	if err != nil || !known && len(entries) >= MaxEntries {
		delete(entries, i)
		return false
	}
	entries[i] = entry
	return true
}

// CaughtUp tells that the end of the topic has been reached: the entries read come into force.
func (t *Table) CaughtUp() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.caughtUp = true
	if t.replay != nil {
		t.dynamic, t.replay = t.replay, nil
		for i := range t.watchers {
			t.tell(i)
		}
	}
	t.endAwaited()
}
