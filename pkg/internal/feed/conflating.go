package feed

import (
	"context"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// mostConflated is how many bytes of records a tail that is too slow holds, while it reads the log for the newest
// record of each key.
const mostConflated = 4 << 20

// conflatingReader reads the newest record of each key up to a place, and all records behind that. It reads as far as
// it can before it returns any.
type conflatingReader struct {
	Reader

	until  proxy.Places
	at     proxy.Places
	wanted func() *Selection
	before *Selection
	key    func(r *proxy.Record) string
	left   func(records int) // is told how many were left out

	newest  map[tableKey]*proxy.Record
	keyless []*proxy.Record
	next    proxy.Places
	bytes   int64
	gone    int
	stored  *proxy.Batch // comes next
}

// conflating returns a reader of the newest records up to the end of the ring.
func (t *Tail) conflating(r Reader, at proxy.Places) Reader {
	encoder := t.newEncoder()
	key := func(r *proxy.Record) string { return string(encoder.AppendKey(nil, r)) }
	return &conflatingReader{
		Reader: r, until: t.audience.ring.places(), at: at.Clone(), wanted: t.wanted, before: t.audience.before, key: key, left: t.leaveOut,
		newest: map[tableKey]*proxy.Record{}, next: proxy.Places{},
	}
}

// leaveOut counts records that the tail is not given.
func (t *Tail) leaveOut(records int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conflated += records
}

// Poll implements Reader.
func (c *conflatingReader) Poll(ctx context.Context) (proxy.Batch, error) {
	if c.stored != nil {
		batch := *c.stored
		c.stored = nil
		return batch, nil
	}
	for {
		batch, err := c.Reader.Poll(ctx)
		if err != nil {
			if isOf(ctx, err) && len(c.next) > 0 {
				return c.take(), nil
			}
			return batch, err //nolint:wrapcheck // an error for the client
		}
		if len(batch.Gaps) > 0 || len(c.next) == 0 && c.at.Passes(c.until) {
			return c.inFront(batch), nil
		}
		c.put(batch)
		if c.bytes > mostConflated || c.at.Passes(c.until) {
			return c.take(), nil
		}
	}
}

// inFront returns what is held, and a batch with the next call.
func (c *conflatingReader) inFront(batch proxy.Batch) proxy.Batch {
	if len(c.next) == 0 {
		c.at.Pass(batch)
		return batch
	}
	kept := batch
	kept.Records = nil
	for i := range batch.Records {
		kept.Records = append(kept.Records, *keep(&batch.Records[i]))
	}
	held := c.take()
	c.stored = &kept
	c.at.Pass(kept)
	return held
}

// put holds the records of a batch.
func (c *conflatingReader) put(batch proxy.Batch) {
	c.at.Pass(batch)
	maps.Copy(c.next, batch.Next)
	wanted := c.wanted()
	for i := range batch.Records {
		r := &batch.Records[i]
		if !wanted.matches(r, c.key, (*Filter).Matches) || !c.before.matches(r, c.key, (*Filter).Matches) {
			continue
		}
		kept := keep(r)
		c.bytes += sizeOf(kept)
		if r.Key == nil {
			c.keyless = append(c.keyless, kept)
			continue
		}
		key := tableKey{r.Partition, string(r.Key)}
		if before := c.newest[key]; before != nil {
			c.gone++
			c.bytes -= sizeOf(before)
		}
		c.newest[key] = kept
	}
}

// take returns what is held, in the order of the partitions.
func (c *conflatingReader) take() proxy.Batch {
	records := c.keyless
	for _, r := range c.newest {
		records = append(records, r)
	}
	slices.SortFunc(records, inPartitionOrder)
	batch := proxy.Batch{Next: c.next, Records: make([]proxy.Record, len(records))}
	for i, r := range records {
		batch.Records[i] = *r
	}
	c.left(c.gone)
	c.newest, c.keyless, c.next, c.bytes, c.gone = map[tableKey]*proxy.Record{}, nil, proxy.Places{}, 0, 0
	return batch
}
