package session

import (
	"strings"
	"time"
)

// run is a run of a replica: from its start, or from its last lapse.
type run struct {
	heard  time.Duration // log time of its last record
	last   int64         // offset of its last record
	lease  time.Duration // as its heartbeats tell; 0 where they do not, which are of an earlier version
	leaves bool          // whether its replica drains, as its last heartbeat tells
	pool   string        // which its replica is of, as its last heartbeat tells; empty where it does not
	keys   map[string]struct{}
	lapsed *lapsed

	server  string // the name of its replica, as its last heartbeat tells
	reports bool   // whether it answers questions, as its last heartbeat tells
}

// lapsed is the end of a run.
type lapsed struct {
	by   string
	at   time.Duration       // log time
	keys map[string]struct{} // of the lapses that end it
}

// own records that a run answers for a key: it is the run's to remove.
func (f *fold) own(id, key string) {
	f.run(id).keys[key] = struct{}{}
	f.owners[key] = id
}

// heard records a sign of life of a run.
func (f *fold) heard(id string, offset int64) {
	r := f.run(id)
	r.heard, r.last = f.now, offset
}

// nameOf returns the name of a run's replica, or the run's id where it has told none.
func (f *fold) nameOf(id string) string {
	if r := f.runs[id]; r != nil && r.server != "" {
		return r.server
	}
	return id
}

func (f *fold) run(id string) *run {
	r := f.runs[id]
	if r == nil {
		r = &run{heard: f.now, last: -1, keys: make(map[string]struct{})}
		f.runs[id] = r
	}
	return r
}

// addLapse ends a run. The lapse is void if it comes more than a lease after it was judged: its
// writer was stopped meanwhile, and the run may have gone on. Each replica writes lapses under
// keys of its own: a void record must not replace a valid one.
func (f *fold) addLapse(key string, offset int64, at time.Time, l *lapse) {
	if late(at, l.Asked, l.Lease) {
		f.own(l.By, key)
		f.heard(l.By, offset)
		return
	}
	r := f.run(lapseOf(key))
	if r.lapsed != nil {
		r.lapsed.keys[key] = struct{}{}
		return
	}
	r.lapsed = &lapsed{by: l.By, at: f.now, keys: map[string]struct{}{key: {}}}
	for _, key := range inOrder(r.keys) {
		if e := f.claims[strings.TrimPrefix(key, claimKey)]; e != nil && strings.HasPrefix(key, claimKey) {
			f.end(e)
		}
	}
}

// dropLapse removes a lapse of a run. Without any lapse and any key the run is removed, too.
func (f *fold) dropLapse(key string) {
	id := lapseOf(key)
	r := f.runs[id]
	if r == nil || r.lapsed == nil {
		return
	}
	delete(r.lapsed.keys, key)
	if len(r.lapsed.keys) > 0 {
		return
	}
	r.lapsed = nil
	if len(r.keys) == 0 {
		delete(f.runs, id)
	}
}

// lapseOf returns the run that a lapse's key is about.
func lapseOf(key string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(key, lapseKey), "/")
	return id
}
