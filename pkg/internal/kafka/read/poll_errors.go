package read

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// passWithin is how long a partition may fail.
	passWithin = 2 * time.Minute
	// troublePause is the pause before a partition that failed is fetched again: franz-go would fetch it at
	// once.
	troublePause = time.Second
)

// inspect judges the errors of fetches, and returns the first one that ends reading.
func (r *Reader) inspect(fetches kgo.Fetches) (end error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		if judged := r.judge(topic != "" && partition >= 0, partition, err); end == nil {
			end = judged
		}
	})
	return end
}

// judge returns the error with which reading ends, or nil if it goes on.
//
// A poll returns only errors that franz-go does not retry with a back-off. A broker's answer about one partition may
// pass, and does not hold up the others. What else is returned does not pass, or concerns all partitions.
func (r *Reader) judge(ofPartition bool, partition int32, err error) error {
	s := r.source
	var lost *kgo.ErrDataLoss
	var answer *kerr.Error
	if isAny(err, kerr.UnknownTopicID, kerr.UnknownTopicOrPartition, kerr.InconsistentTopicID) {
		s.topic.Refresh() // the watcher finds out whether the topic has ended
	}
	switch {
	case !ofPartition && errors.Is(err, context.Canceled):
		return nil // a wait was interrupted
	case errors.Is(err, kgo.ErrClientClosed):
		return proxy.Wrap(err, proxy.KindShuttingDown, "The proxy is shutting down.")
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise reading topic %q.", s.topic.Name)
	case errors.As(err, &lost), errors.Is(err, kerr.OffsetOutOfRange):
		return s.unavailable(fmt.Errorf("the log of partition %d has changed below the place: %w", partition, err))
	case ofPartition && errors.As(err, &answer):
		return r.pause(partition, err)
	default:
		return s.unavailable(fmt.Errorf("reading partition %d: %w", partition, err))
	}
}

// pause has a partition that failed fetched again later, unless it has failed for too long.
func (r *Reader) pause(partition int32, err error) error {
	since, again := r.troubles[partition]
	if !again {
		since = time.Now()
		r.troubles[partition] = since
		r.source.cluster.Log.Warn("reading a partition for tails fails: it is retried for a limited time",
			"topic", r.source.topic.Name, "partition", partition, "err", err)
	}
	if time.Since(since) > passWithin {
		return r.source.unavailable(fmt.Errorf("partition %d fails: %w", partition, err))
	}
	which := map[string][]int32{r.source.topic.Name: {partition}}
	r.client.PauseFetchPartitions(which)
	_ = r.calls.Run(func() { // refused when the reader is closed
		cluster.Pause(r.life, troublePause)
		r.client.ResumeFetchPartitions(which)
	})
	return nil
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
