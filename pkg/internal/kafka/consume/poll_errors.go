package consume

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// passWithin is for how long errors that pass by themselves may go on: a Kafka that is away for longer
	// costs its readers their connections.
	passWithin = 2 * time.Minute
	// endWithin is for how long a topic may be unknown to brokers before the watcher has found out whether
	// it has ended: the watcher takes two rounds.
	endWithin = 45 * time.Second
)

// outcome is what becomes of a connection after an error that a poll has brought. All zero, nothing does.
type outcome struct {
	end     *proxy.Error     // it ends
	loss    *kgo.ErrDataLoss // it goes on where franz-go has reset it to
	refresh bool             // the watcher is to look at the topic
	within  time.Duration    // it goes on, unless errors go on for this long
	stays   bool             // the error does not come again, but what it tells of does not pass
}

// judge is the table of errors that polls bring.
//
// An error that reaches a poll is one that franz-go does not retry with a pause, but for those of
// group sessions, which it tells of and then begins anew. It fetches a partition again at once, whatever
// the error, and goes on without a partition whose position it could not get, or whose batch is too
// large. So every error ends the connection that is not known to pass: the client connects again, and
// has what did not pass from the begin. What cannot be known is whether an error will pass: those that
// may have a time to do so.
func (c *Consumer) judge(topic string, partition int32, err error) outcome {
	o := &c.options
	var loss *kgo.ErrDataLoss
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case errors.As(err, &loss):
		return outcome{loss: loss}

	// The client's doing, or its rights.
	case errors.Is(err, kgo.ErrClientClosed):
		return ends(err, proxy.KindShuttingDown, "The proxy is shutting down.")
	case isAny(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed):
		return ends(err, proxy.KindNotAuthorized, "Kafka does not authorise reading topic %q in group %q.", o.Topic.Name, o.GroupID)
	case errors.Is(err, kerr.FencedInstanceID):
		return ends(errors.Join(proxy.ErrSucceeded, err), proxy.KindDuplicateClient,
			"Another connection of client %q has taken this one's place in group %q.", o.ClientID, o.GroupID)
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		return ends(err, proxy.KindInvalidParameter, "groupId: the members of group %q assign partitions in another way than cooperative-sticky.", o.GroupID)
	case errors.Is(err, kerr.InvalidGroupID):
		return ends(err, proxy.KindInvalidParameter, "groupId: Kafka does not take %q.", o.GroupID)
	case o.Reset == ResetNone && outOfRange(err):
		return ends(err, proxy.KindOffsetOutOfRange,
			"Group %q has no valid offset in partition %d of topic %q, and offsetResetStrategy is none.", o.GroupID, partition, o.Topic.Name)

	// The topic's end, or a broker that has not heard of the topic yet.
	case isAny(err, kerr.UnknownTopicID, kerr.UnknownTopicOrPartition, kerr.InconsistentTopicID):
		return outcome{refresh: true, within: endWithin, stays: c.isDropped(topic, partition)}

	// What does not pass by itself.
	case errors.As(err, &tooLarge):
		return ends(err, proxy.KindKafkaUnavailable, "A batch of partition %d of topic %q is too large to be decompressed.", partition, o.Topic.Name)
	case errors.Is(err, kerr.GroupMaxSizeReached):
		return ends(err, proxy.KindKafkaUnavailable, "Group %q has as many members as Kafka allows.", o.GroupID)
	case c.isDropped(topic, partition), !passes(err):
		return ends(err, proxy.KindKafkaUnavailable, "Kafka cannot deliver topic %q to group %q now.", o.Topic.Name, o.GroupID)
	default:
		return outcome{within: passWithin}
	}
}

func ends(cause error, kind proxy.Kind, format string, args ...any) outcome {
	return outcome{end: proxy.Wrap(cause, kind, format, args...)}
}

// passes tells whether an error is one that passes by itself: a broker is away or not ready, the group
// is between two generations, or has given the member up, which then joins anew. What ends a group's
// session without being an answer of Kafka is of the connection.
func passes(err error) bool {
	var network *net.OpError
	var firstRead *kgo.ErrFirstReadEOF
	var session *kgo.ErrGroupSession
	var answer *kerr.Error
	if errors.As(err, &session) && !errors.As(err, &answer) {
		return true
	}
	return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || errors.As(err, &network) || errors.As(err, &firstRead) ||
		isAny(err, context.DeadlineExceeded, context.Canceled, errNoAnswer, errRebalancing,
			kerr.RebalanceInProgress, kerr.UnknownMemberID, kerr.IllegalGeneration, kerr.OffsetOutOfRange)
}

// isDropped tells whether an error is of a partition that franz-go goes on without: it was never told
// where to start, so that no fetch can have failed.
func (c *Consumer) isDropped(topic string, partition int32) bool {
	return topic != "" && partition >= 0 && !slices.Contains(c.members.all(), partition)
}

// outOfRange tells whether a partition has no valid offset. franz-go does not export its
// error for a missing commit.
func outOfRange(err error) bool {
	return errors.Is(err, kerr.OffsetOutOfRange) || err.Error() == "partition has no prior committed offset"
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
