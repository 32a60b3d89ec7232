package read

import (
	"context"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Ends returns the places behind the last records of all partitions, or under read_committed those behind the last
// records whose transactions have ended. In partitions whose leaders do not answer within some seconds it returns a time
// that is so long ago that what is written to them afterwards comes behind it, see proxy.AtTime. The error, like that of the
// other positions, is for the client: it is of proxy.KindKafkaUnavailable if no leader answers.
func (s *Source) Ends(ctx context.Context) (proxy.Places, error) {
	since := s.since()
	places, err := s.places(ctx, func(offsets []int64) int64 { return offsets[0] }, atEnd)
	return s.orTime(places, since), err
}

// since is the time of the oldest records that may be written from now on.
func (s *Source) since() int64 { return time.Now().Add(-s.heldBack).UnixMilli() }

// Starts returns the places of the first records of all partitions, and the earliest time in those whose leaders do not
// answer.
func (s *Source) Starts(ctx context.Context) (proxy.Places, error) {
	places, err := s.places(ctx, func(offsets []int64) int64 { return offsets[0] }, atStart)
	return s.orTime(places, 0), err
}

// At returns the places of the first records that are not older than a time, in milliseconds since the epoch, and
// the ends of partitions that have none.
func (s *Source) At(ctx context.Context, timestamp int64) (proxy.Places, error) {
	timestamp = max(0, timestamp)
	places, err := s.places(ctx, func(offsets []int64) int64 { return firstSince(offsets[0], offsets[1]) }, timestamp, atEnd)
	return s.orTime(places, timestamp), err
}

// Last returns the places n offsets before the ends of all partitions, or where their logs begin, and what Ends does in
// partitions whose leaders do not answer.
func (s *Source) Last(ctx context.Context, n int64) (proxy.Places, error) {
	since := s.since()
	places, err := s.places(ctx, func(offsets []int64) int64 {
		start, end := offsets[0], offsets[1]
		return end - min(max(0, n), max(0, end-start))
	}, atStart, atEnd)
	return s.orTime(places, since), err
}

// places asks for the offsets of timestamps, of which choose returns one for each partition whose leader answers.
func (s *Source) places(ctx context.Context, choose func(offsets []int64) int64, timestamps ...int64) (proxy.Places, error) {
	q := query{isolation: s.isolation}
	for _, timestamp := range timestamps {
		q.timestamps = append(q.timestamps, same(timestamp))
	}
	answers, err := s.ask(ctx, q, everything)
	if len(answers) == 0 && err != nil {
		return nil, err
	}
	places := make(proxy.Places, len(answers))
	for partition, a := range answers {
		places[partition] = proxy.Place{Offset: choose(a.offsets), Epoch: a.epoch}
	}
	return places, nil
}

// orTime adds a time in partitions that have no place, if any has.
func (s *Source) orTime(places proxy.Places, timestamp int64) proxy.Places {
	if len(places) == 0 {
		return places
	}
	for partition := range s.topic.Partitions() {
		if _, has := places[partition]; !has {
			places[partition] = proxy.AtTime(timestamp)
		}
	}
	return places
}
