package feed

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// begin finds where the rings begin, if they have not: a while ago, if the first tail begins since then, else at the end.
// The clients of a replica that has ended come to this one together, from about the same places: so they find their
// records in the rings, and need not read the log each for itself. One of those who come at once looks it up, the others
// wait. It returns the ends of the log if it has looked them up, else nil.
func (l *Log) begin(ctx context.Context, at proxy.Places) (ends proxy.Places, err error) {
	select {
	case l.beginning <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // the client is gone
	}
	defer func() { <-l.beginning }()
	if isBegun, err := l.isBegun(); isBegun || err != nil {
		return nil, err
	}
	if ends, err = l.source.Ends(ctx); err != nil {
		return nil, err //nolint:wrapcheck // an error for the client
	}
	begin, isKnown := l.past(ctx, at, ends)
	if !isKnown {
		begin = ends.Clone()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fetched = begin
	return ends, nil
}

// isBegun tells whether it is known where the rings begin. It fails if the log has ended.
func (l *Log) isBegun() (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false, errEnded
	}
	return l.fetched != nil, nil
}

// past returns the places of a while ago. It returns false where a tail at these places begins before them, or where
// they are not known: then nobody would have any use for what lies between them and the end.
func (l *Log) past(ctx context.Context, at, ends proxy.Places) (proxy.Places, bool) {
	if len(at) == 0 || l.options.Past <= 0 {
		return nil, false
	}
	oldest, err := l.source.At(ctx, time.Now().Add(-l.options.Past).UnixMilli())
	return oldest, err == nil && isBetween(at, oldest, ends)
}

// isBetween tells whether places are between others of the same partitions.
func isBetween(at, oldest, newest proxy.Places) bool {
	for partition, end := range newest {
		place, is := at[partition]
		low, isToo := oldest[partition]
		if !is || !isToo || low.Offset < 0 || place.Offset < low.Offset || place.Offset > end.Offset {
			return false
		}
	}
	return len(at) == len(newest) && len(oldest) == len(newest)
}
