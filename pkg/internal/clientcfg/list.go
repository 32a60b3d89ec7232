package clientcfg

import (
	"cmp"
	"runtime"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// All is the list of all entries, as the admin API returns it.
type All struct {
	Consumers Entries `json:"consumers"`
	Producers Entries `json:"producers"`
}

// Entries are the entries of one kind. The first static one shows the defaults, the others are
// in the order of the file; the dynamic ones are sorted by id.
type Entries struct {
	Static  []Client `json:"static"`
	Dynamic []Client `json:"dynamic"`
}

// errNotRead is the error before the topic was read to its end.
func errNotRead() *proxy.Error {
	return proxy.Errorf(proxy.KindKafkaUnavailable, "The dynamic limits have not been read from Kafka yet.")
}

// Known returns nil once the limits in force are known. Until then, while the topic is read for the first time,
// the error is of proxy.KindKafkaUnavailable, and the static limits are in force.
func (t *Table) Known() *proxy.Error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return errNotRead()
	}
	return nil
}

// All returns every entry, with all of its members: those that it leaves out have the values of the defaults.
// An entry that is added or removed meanwhile may be in the list, or not.
func (t *Table) All() (All, error) {
	dynamic, err := t.collect()
	if err != nil {
		return All{}, err
	}
	return All{t.entries(Consumer, dynamic[Consumer]), t.entries(Producer, dynamic[Producer])}, nil
}

// listedAtOnce is how many entries are looked at before others get their turn at the lock.
const listedAtOnce = 512

// collect returns the dynamic entries in any order. It releases the lock, which connecting clients need, every
// listedAtOnce entries. The map may change then: the loop sees each entry at most once, and each entry that
// stays exactly once.
func (t *Table) collect() (map[Kind][]Client, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return nil, errNotRead()
	}
	all, seen := make(map[Kind][]Client), 0
	for i, entry := range t.dynamic {
		all[i.kind] = append(all[i.kind], t.whole(i, entry))
		if seen++; seen%listedAtOnce == 0 {
			t.mu.RUnlock()
			runtime.Gosched()
			t.mu.RLock()
		}
	}
	return all, nil
}

// entries lists the static entries of a kind, and the given dynamic ones.
func (t *Table) entries(kind Kind, dynamic []Client) Entries {
	all := Entries{Static: []Client{{kind, DefaultID, t.defaults[kind].whole()}}, Dynamic: append([]Client{}, dynamic...)}
	for _, c := range t.listed {
		if c.Kind == kind {
			all.Static = append(all.Static, t.whole(identity{kind, c.ID}, c.Entry))
		}
	}
	slices.SortFunc(all.Dynamic, func(a, b Client) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// whole returns an entry with the members that it leaves to the defaults.
func (t *Table) whole(i identity, entry Entry) Client {
	return Client{i.kind, i.id, entry.over(t.defaults[i.kind]).whole()}
}

// Get returns the entry of a client, the dynamic one where there are two. It returns an error if
// there is none.
func (t *Table) Get(kind Kind, id string) (Client, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return Client{}, errNotRead()
	}
	i := identity{kind, id}
	if entry, ok := t.dynamic[i]; ok {
		return t.whole(i, entry), nil
	}
	if entry, ok := t.static[i]; ok || id == DefaultID {
		return t.whole(i, entry), nil
	}
	return Client{}, proxy.Errorf(proxy.KindNotFound, "The %s %q has no limits of its own.", kind, id)
}
