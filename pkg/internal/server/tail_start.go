package server

import (
	"context"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/read"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// reason tells why a tail was not resumed, as clients see it. It is empty where it was.
type reason string

const (
	invalidCursor reason = "INVALID"
	recreated            = reason(proxy.GapRecreated)
)

// start is where a tail of a topic begins.
type start struct {
	at       proxy.Places     // nil for the end
	snapshot bool             // whether the newest records come first
	gaps     []proxy.Gap      // to be told
	before   feed.TopicCursor // where the client is before them
	why      reason           // it is not where the cursor was
}

// startOf finds where a tail of a topic begins.
func (f *tailFrom) startOf(ctx context.Context, topic *cluster.Topic, log *read.Source) (start, error) {
	switch f.kind {
	case fromEarliest:
		at, err := log.Starts(ctx)
		return start{at: at}, err //nolint:wrapcheck // an error for the client
	case fromLast:
		if f.number == 0 {
			return start{}, nil
		}
		at, err := log.Last(ctx, f.number)
		return start{at: at}, err //nolint:wrapcheck // an error for the client
	case fromTimestamp:
		at, err := log.At(ctx, f.number)
		return start{at: at}, err //nolint:wrapcheck // an error for the client
	case fromOffset:
		return f.startAtOffset(ctx, log)
	case fromCursor:
		return f.startAtCursor(ctx, topic, log)
	}
	return start{}, nil
}

func (f *tailFrom) startAtOffset(ctx context.Context, log *read.Source) (start, error) {
	at, err := log.Ends(ctx)
	if err != nil {
		return start{}, err //nolint:wrapcheck // an error for the client
	}
	end, has := at[f.partition]
	if !has {
		return start{}, proxy.Errorf(proxy.KindInvalidParameter, "from: the topic has no partition %d.", f.partition)
	}
	if end.IsTime() {
		return start{}, proxy.Errorf(proxy.KindKafkaUnavailable, "from: partition %d has no leader that answers: try again.", f.partition)
	}
	if f.number > end.Offset {
		return start{}, proxy.Errorf(proxy.KindOffsetOutOfRange, "from: partition %d ends at offset %d: that or a smaller one is an offset of it.", f.partition, end.Offset)
	}
	at[f.partition] = proxy.Place{Offset: f.number, Epoch: -1}
	return start{at: at}, nil
}

// startAtCursor begins at the cursor's places. Where these are not of the topic, it begins with the oldest record.
func (f *tailFrom) startAtCursor(ctx context.Context, topic *cluster.Topic, log *read.Source) (start, error) {
	i := slices.IndexFunc(f.cursor, func(c feed.TopicCursor) bool { return c.Topic == topic.Name })
	if f.isValid && i >= 0 && f.cursor[i].ID == topic.ID() {
		return start{at: f.behindAfter(f.cursor[i])}, nil
	}
	at, err := log.Starts(ctx)
	if err != nil {
		return start{}, err //nolint:wrapcheck // an error for the client
	}
	if !f.isValid || i < 0 {
		return start{at: at, why: invalidCursor}, nil
	}
	before := f.cursor[i]
	before.Places = f.behindAfter(before)
	begin := behindAnother(before, at)
	begin.why = recreated
	return begin, nil
}

// behindAnother begins at places of a topic where a client was at those of an earlier one of the name.
func behindAnother(before feed.TopicCursor, at proxy.Places) start {
	return start{at: at, gaps: recreatedGaps(before.Places, at), before: before}
}

// behindAfter returns the places of a cursor, moved behind the records that the client has beyond it.
func (f *tailFrom) behindAfter(c feed.TopicCursor) proxy.Places {
	at := c.Places.Clone()
	for partition, offset := range f.after[c.Topic] {
		if offset >= at[partition].Offset {
			at[partition] = proxy.Place{Offset: offset + 1, Epoch: -1} // the record's epoch may be a later one
		}
	}
	return at
}

// recreatedGaps tells that what a client was given up to its places is of an earlier topic of the name: of the
// partitions, too, that the topic does not have anymore. It may get them again, and then their records begin anew.
func recreatedGaps(before, begin proxy.Places) (gaps []proxy.Gap) {
	all := proxy.Places{}
	maps.Copy(all, before)
	maps.Copy(all, begin)
	for _, partition := range all.Partitions() {
		then := begin[partition]
		from := max(0, then.Offset) // of a partition without a leader only a time is known
		gaps = append(gaps, proxy.Gap{
			Partition: partition, From: from, To: max(from, before[partition].Offset), Reason: proxy.GapRecreated, Then: then,
		})
	}
	return gaps
}
