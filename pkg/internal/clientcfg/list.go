package clientcfg

import (
	"cmp"
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

// Known returns an error before the topic was read to its end for the first time: the limits that it sets
// are unknown until then.
func (t *Table) Known() *proxy.Error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return errNotRead()
	}
	return nil
}

// All returns every entry, with all of its members: those that it leaves out have the values of the defaults.
func (t *Table) All() (All, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if !t.caughtUp {
		return All{}, errNotRead()
	}
	return All{t.entries(Consumer), t.entries(Producer)}, nil
}

// entries needs t.mu.
func (t *Table) entries(kind Kind) Entries {
	all := Entries{Static: []Client{{kind, DefaultID, t.defaults[kind].whole()}}, Dynamic: []Client{}}
	for _, c := range t.listed {
		if c.Kind == kind {
			all.Static = append(all.Static, t.whole(identity{kind, c.ID}, c.Entry))
		}
	}
	for i, entry := range t.dynamic {
		if i.kind == kind {
			all.Dynamic = append(all.Dynamic, t.whole(i, entry))
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
