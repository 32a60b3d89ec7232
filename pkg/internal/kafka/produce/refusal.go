package produce

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errEnded means that a record was not handed to Kafka, since its topic instance has ended.
var errEnded = errors.New("the topic instance has ended")

// cause is the reason why a record failed, as far as it makes a difference to its sender.
type cause uint8

const (
	otherCause   cause = iota
	topicEnded         // Kafka does not know the topic, or not the instance for which the record is
	accessDenied       // an ACL is missing
	batchRefused       // because of one of the records of a batch
	outOfTime          // its time was over
)

// causeOf maps the errors of Kafka and franz-go to causes. It is the only such table.
func causeOf(err error) cause {
	for _, refusal := range []struct {
		err   error
		cause cause
	}{
		{errEnded, topicEnded},
		{kerr.UnknownTopicOrPartition, topicEnded},
		{kerr.UnknownTopicID, topicEnded},
		{kerr.TopicAuthorizationFailed, accessDenied},
		{kerr.MessageTooLarge, batchRefused},
		{kerr.RecordListTooLarge, batchRefused},
		{kerr.InvalidTimestamp, batchRefused},
		{kerr.InvalidRecord, batchRefused},
		{context.DeadlineExceeded, outOfTime},
		{kgo.ErrRecordRetries, outOfTime},
	} {
		if errors.Is(err, refusal.err) {
			return refusal.cause
		}
	}
	return otherCause
}

// answerRefusal notifies the topic of a refusal, and returns the error for the record. It returns nil if
// the cause does not decide the record's result.
func answerRefusal(topic *cluster.Topic, why cause, err error) *proxy.Error {
	switch why {
	case topicEnded:
		topic.Refresh()
		return proxy.Wrap(err, proxy.KindTopicNotFound, "Topic %q does not exist anymore.", topic.Name)
	case accessDenied:
		denied := proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not authorise writing to topic %q.", topic.Name)
		topic.Deny(denied)
		return denied
	case batchRefused:
		topic.Refresh()
	case otherCause, outOfTime:
	}
	return nil
}

// hasEnded reports whether a topic instance has ended.
func hasEnded(i *cluster.Instance) bool {
	select {
	case <-i.Ended():
		return true
	default:
		return false
	}
}
