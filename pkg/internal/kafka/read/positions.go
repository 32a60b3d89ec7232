package read

import (
	"context"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Ends returns the places behind the last records of all partitions, or under read_committed those behind the last
// records whose transactions have ended. The error, like that of the other positions, is for the client: it is of
// proxy.KindKafkaUnavailable if some leader does not answer.
func (s *Source) Ends(ctx context.Context) (proxy.Places, error) {
	return s.places(ctx, func(offsets []int64) int64 { return offsets[0] }, atEnd)
}

// Starts returns the places of the first records of all partitions.
func (s *Source) Starts(ctx context.Context) (proxy.Places, error) {
	return s.places(ctx, func(offsets []int64) int64 { return offsets[0] }, atStart)
}

// At returns the places of the first records that are not older than a time, in milliseconds since the epoch, and
// the ends of partitions that have none.
func (s *Source) At(ctx context.Context, timestamp int64) (proxy.Places, error) {
	return s.places(ctx, func(offsets []int64) int64 {
		if offsets[0] == unknown {
			return offsets[1]
		}
		return offsets[0]
	}, max(0, timestamp), atEnd)
}

// Last returns the places n offsets before the ends of all partitions, or where their logs begin.
func (s *Source) Last(ctx context.Context, n int64) (proxy.Places, error) {
	return s.places(ctx, func(offsets []int64) int64 {
		start, end := offsets[0], offsets[1]
		return end - min(max(0, n), max(0, end-start))
	}, atStart, atEnd)
}

// places asks for the offsets of timestamps, of which choose returns one for each partition.
func (s *Source) places(ctx context.Context, choose func(offsets []int64) int64, timestamps ...int64) (proxy.Places, error) {
	answers, err := s.ask(ctx, query{timestamps: timestamps, isolation: s.isolation}, everything)
	if err != nil {
		return nil, err
	}
	places := make(proxy.Places, len(answers))
	for partition, a := range answers {
		places[partition] = proxy.Place{Offset: choose(a.offsets), Epoch: a.epoch}
	}
	return places, nil
}
