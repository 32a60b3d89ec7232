package feed

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// begin finds where the rings begin, if they have not: where the first tail does, if that is in the recent past, else at
// the end. The clients of a replica that has ended come to this one together, from about the same places: so they find
// their records in the rings, and need not read the log each for itself. One of those who come at once looks it up, the
// others wait. It returns the ends of the log if it has looked them up, else nil.
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

// past returns places at which rings can begin that a tail at these places joins. It returns false where the log does not
// have all behind them, and where they are so old that those who begin at the end would wait for the past too long.
func (l *Log) past(ctx context.Context, at, ends proxy.Places) (proxy.Places, bool) {
	if len(at) == 0 || l.options.Past <= 0 {
		return nil, false
	}
	oldest, err := l.source.At(ctx, time.Now().Add(-l.options.Past).UnixMilli())
	if err != nil {
		return nil, false
	}
	begin, isRecent := between(at, oldest, ends)
	if !isRecent {
		return nil, false
	}
	checked, err := l.source.Check(ctx, begin)
	return begin, err == nil && len(checked.Gaps) == 0
}

// between returns places that are between others. One whose epoch is not known gives way to the oldest: it does not tell the
// history of what lies before it, so that nobody could tell whether a tail there is of the same.
func between(at, oldest, newest proxy.Places) (proxy.Places, bool) {
	begin := at.Clone()
	for partition, end := range newest {
		place, is := at[partition]
		low, isToo := oldest[partition]
		if !is || !isToo || low.Offset < 0 || place.Offset < low.Offset || place.Offset > end.Offset {
			return nil, false
		}
		if place.Epoch < 0 {
			begin[partition] = low
		}
	}
	return begin, len(at) == len(newest)
}
