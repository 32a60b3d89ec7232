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
	return s.check(ctx, at, everything)
}

// check is Check for the wanted partitions.
func (s *Source) check(ctx context.Context, at proxy.Places, wanted func(int32) bool) (proxy.Batch, error) {
	// Whatever the isolation, a place up to the end of the log is valid: the committed part only becomes longer.
	answers, err := s.ask(ctx, query{timestamps: []int64{atStart, atEnd}, isolation: uncommitted, places: at}, wanted)
	if len(answers) == 0 && err != nil {
		return proxy.Batch{}, err
	}
	b := proxy.Batch{Next: make(proxy.Places, len(answers))}
	for _, partition := range slices.Sorted(maps.Keys(answers)) {
		a := answers[partition]
		start, end := a.offsets[0], a.offsets[1]
		place, has := at[partition]
		if !has {
			place = proxy.Place{Offset: start}
		}
		if a.epochEnd != unknown { // which may be beyond what Kafka tells as the end to clients
			end = a.epochEnd
		}
		gaps, then := missing(partition, place.Offset, start, end, a.epoch)
		b.Gaps = append(b.Gaps, gaps...)
		b.Next[partition] = proxy.Place{Offset: then, Epoch: a.epoch}
	}
	return b, nil
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
