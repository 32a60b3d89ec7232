package checker

import (
	"maps"
	"slices"
)

// judgeBatches finds batches of which readers see only a part.
func (c *check) judgeBatches() {
	for _, batch := range slices.Sorted(maps.Keys(c.batches)) {
		var seen, unseen []string
		for _, id := range c.batches[batch] {
			if c.leftOpen(id) || c.isApart(id) {
				continue
			}
			if _, ok := c.written[id]; ok {
				seen = append(seen, id)
				continue
			}
			unseen = append(unseen, id)
		}
		if len(seen) > 0 && len(unseen) > 0 {
			c.violated(Torn, nil, "of batch %s are written %q, and not %q", batch, seen, unseen)
		}
	}
}

// isApart reports whether a message was refused before its batch was written, so that it is not part of
// the batch: it named a partition that the topic does not have, or no longer has. Where the connection ended before the
// answer, only that the topic has lacked the partition is known.
func (c *check) isApart(id string) bool {
	m := c.sent[id]
	return m != nil && (m.refused == "INVALID_PARTITION" || !m.answered && c.lacksPartition(m))
}

// lacksPartition tells whether the topic has lacked the partition that a message names, since it was sent.
func (c *check) lacksPartition(m *message) bool {
	if m.pinned == nil {
		return false
	}
	lacks := *m.pinned >= m.count
	for instance, count := range c.topic.partitions {
		lacks = lacks || instance > m.instance && *m.pinned >= count
	}
	return lacks
}
