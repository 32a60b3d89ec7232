package feed

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestATombstoneRemoves a record from a table, and the memory that it takes.
func TestATombstoneRemoves(t *testing.T) {
	record := proxy.Record{Offset: 1, Key: []byte("a"), Value: []byte("v")}
	tombstone := proxy.Record{Offset: 2, Key: []byte("a")}
	for name, put := range map[string]func(*table){
		"while the table is built": func(b *table) {
			b.put(&tombstone)
			b.put(&record) // is read later, and is older
			b.finish()
		},
		"afterwards": func(b *table) {
			b.put(&record)
			b.finish()
			b.put(&tombstone)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newTable(&tables{limit: 1 << 20}, nil)
			put(b)
			if held := b.shared.held.Load(); len(b.records) > 0 || held > 0 {
				t.Errorf("the table has %d records, and holds %d bytes", len(b.records), held)
			}
		})
	}
}
