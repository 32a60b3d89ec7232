//go:build unix

package real

import (
	"context"
	"maps"

	"github.com/twmb/franz-go/pkg/kgo"
)

// committed is how far the topic was read for readers of committed records.
type committed struct {
	at   map[int32]int64 // what was read next, markers included
	last map[int32]int64 // behind the last record that such readers see
}

// lastCommitted returns where readers of committed records are that have read all below these ends. It waits for the end of
// transactions that are open there.
func (o *observer) lastCommitted(ends map[int32]int64) (map[int32]int64, error) {
	if o.committed.at == nil {
		o.committed = committed{make(map[int32]int64), make(map[int32]int64)}
	}
	ctx, cancel := context.WithTimeout(context.Background(), readLimit)
	defer cancel()
	if err := o.readUpTo(ctx, topic, o.committed.at, ends, func(r *kgo.Record) { o.committed.last[r.Partition] = r.Offset + 1 }); err != nil {
		return nil, err
	}
	return maps.Clone(o.committed.last), nil
}
