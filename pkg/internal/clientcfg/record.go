package clientcfg

import (
	"encoding/json"
	"strings"
)

// Record is a record of the topic. A nil Value removes the entry of its key.
type Record struct{ Key, Value []byte }

// identity is what an entry is for.
type identity struct {
	kind Kind
	id   string
}

func (i identity) key() []byte { return []byte(string(i.kind) + "/" + i.id) }

// parseKey reads the key of a record. The defaults have no record: they are settings.
func parseKey(key []byte) (identity, bool) {
	kind, id, ok := strings.Cut(string(key), "/")
	i := identity{Kind(kind), id}
	ok = ok && (i.kind == Consumer || i.kind == Producer) && CheckID(id) == "" && id != DefaultID
	return i, ok
}

// record returns the record that sets an entry.
func (i identity) record(e Entry) Record {
	value, err := json.Marshal(Client{i.kind, i.id, e})
	if err != nil {
		panic("clientcfg: an entry cannot be written: " + err.Error()) // it is numbers and a valid string
	}
	return Record{i.key(), value}
}
