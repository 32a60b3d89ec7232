package read

import (
	"context"
	"maps"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Check returns, without records, what the log does not have anymore behind places, and the places at which it goes
// on: the starts of partitions that at does not have. It leaves out partitions whose leaders do not answer within
// some seconds. If none answers, it returns an error of proxy.KindKafkaUnavailable.
func (s *Source) Check(ctx context.Context, at proxy.Places) (proxy.Batch, error) {
	c, err := s.check(ctx, at, everything)
	return c.Batch, err
}

// checked is what a check finds.
type checked struct {
	proxy.Batch
	answered []string // the addresses of brokers that have answered
}

// check is Check for the wanted partitions.
func (s *Source) check(ctx context.Context, at proxy.Places, wanted func(int32) bool) (checked, error) {
	// Whatever the isolation, a place up to the end of the log is valid: the committed part only becomes longer.
	q := query{timestamps: []func(int32) int64{same(atStart), same(atEnd)}, isolation: uncommitted, places: at}
	if at.HaveTimes() {
		q.timestamps = append(q.timestamps, timesOf(at))
	}
	answers, err := s.ask(ctx, q, wanted)
	if len(answers) == 0 && err != nil {
		return checked{}, err
	}
	c := checked{Batch: proxy.Batch{Next: make(proxy.Places, len(answers))}}
	for _, partition := range slices.Sorted(maps.Keys(answers)) {
		a := answers[partition]
		start, end := a.offsets[0], a.offsets[1]
		place, has := at[partition]
		switch {
		case !has:
			place = proxy.Place{Offset: start}
		case place.IsTime():
			place = proxy.Place{Offset: firstSince(a.offsets[2], end)}
		}
		if a.epochEnd != unknown { // which may be beyond what Kafka tells as the end to clients
			end = a.epochEnd
		}
		gaps, then := missing(partition, place.Offset, start, end, a.epoch)
		c.Gaps = append(c.Gaps, gaps...)
		c.Next[partition] = proxy.Place{Offset: then, Epoch: a.epoch}
		c.answered = append(c.answered, a.address)
	}
	return c, nil
}

// timesOf returns the timestamps of places of which only the time is known.
func timesOf(at proxy.Places) func(partition int32) int64 {
	return func(partition int32) int64 {
		if place := at[partition]; place.IsTime() {
			return place.Time()
		}
		return atEnd
	}
}

// firstSince returns the offset of the first record that is not older than a time, as Kafka told it, or the end.
func firstSince(offset, end int64) int64 {
	if offset == unknown {
		return end
	}
	return offset
}

// missing returns what a log from start to end does not have behind an offset, and where it goes on.
func missing(partition int32, offset, start, end int64, epoch int32) (gaps []proxy.Gap, then int64) {
	if offset > end {
		gaps = append(gaps, proxy.Gap{
			Partition: partition, From: end, To: offset, Reason: proxy.GapTruncated, Then: proxy.Place{Offset: end, Epoch: epoch},
		})
		offset = end
	}
	if offset < start {
		gaps = append(gaps, proxy.Gap{
			Partition: partition, From: offset, To: start, Reason: proxy.GapExpired, Then: proxy.Place{Offset: start, Epoch: epoch},
		})
		offset = start
	}
	return gaps, offset
}
