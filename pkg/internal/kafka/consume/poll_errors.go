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
	// passWithin is how long errors that pass by themselves may last: if Kafka is unavailable for
	// longer, its readers lose their connections.
	passWithin = 2 * time.Minute
	// endWithin is how long brokers may not know a topic before the watcher has found out whether the
	// topic has ended: the watcher needs two rounds.
	endWithin = 45 * time.Second
)

// outcome is the consequence of an error that a poll has returned. The zero value means none.
type outcome struct {
	end     *proxy.Error     // the connection ends with this error
	loss    *kgo.ErrDataLoss // reading continues at the offset to which franz-go has reset it
	refresh bool             // the watcher must look up the topic
	within  time.Duration    // reading continues, unless errors last for longer than this
	stays   bool             // the error is not repeated, but its cause does not pass
}

// judge maps the errors that polls return to outcomes.
//
// A poll returns only errors that franz-go does not retry with a back-off, except for those of group
// sessions, which it reports before it starts a new session. It fetches a partition again at once,
// whatever the error, and continues without a partition if it could not get the position, or if a batch
// is too large. So every error ends the connection unless it is known to pass: the client connects
// again, and starts over with what did not pass. For some errors it is unknown whether they will pass:
// these have a time limit.
func (c *Consumer) judge(topic string, partition int32, err error) outcome {
	o := &c.options
	var loss *kgo.ErrDataLoss
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case errors.As(err, &loss):
		return outcome{loss: loss}

	// Caused by the client, or by its rights.
	case errors.Is(err, kgo.ErrClientClosed):
		return ends(err, proxy.KindShuttingDown, "The proxy is shutting down.")
	case isAny(err, kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed):
		return ends(err, proxy.KindNotAuthorized, "Kafka does not authorise reading topic %q in group %q.", o.Topic.Name, o.GroupID)
	case errors.Is(err, kerr.FencedInstanceID):
		return ends(errors.Join(proxy.ErrSucceeded, err), proxy.KindDuplicateClient,
			"Another connection of client %q has taken this one's place in group %q.", o.ClientID, o.GroupID)
	case isAny(err, kerr.InconsistentGroupProtocol, kerr.GroupIDNotFound): // the latter where kfake has a share group
		return ends(err, proxy.KindInvalidParameter,
			"groupId: %q is a group of another kind, such as a queue, or its members assign partitions in another way than cooperative-sticky.", o.GroupID)
	case errors.Is(err, kerr.InvalidGroupID):
		return ends(err, proxy.KindInvalidParameter, "groupId: Kafka does not take %q.", o.GroupID)
	case o.Reset == ResetNone && outOfRange(err):
		return ends(err, proxy.KindOffsetOutOfRange,
			"Group %q has no valid offset in partition %d of topic %q, and offsetResetStrategy is none.", o.GroupID, partition, o.Topic.Name)

	// The topic has ended, or the broker does not know it yet.
	case isAny(err, kerr.UnknownTopicID, kerr.UnknownTopicOrPartition, kerr.InconsistentTopicID):
		return outcome{refresh: true, within: endWithin, stays: c.isDropped(topic, partition)}

	// Errors that do not pass by themselves.
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

// passes reports whether an error passes by itself: a broker is unavailable or not ready, or the group
// is between two generations, or has removed the member, which then rejoins. An error that ends a group
// session without being an answer of Kafka comes from the connection.
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

// isDropped reports whether an error is of a partition without which franz-go continues: the partition
// never got a start offset, so that no fetch can have failed.
func (c *Consumer) isDropped(topic string, partition int32) bool {
	return topic != "" && partition >= 0 && !slices.Contains(c.members.all(), partition)
}

// outOfRange reports whether a partition has no valid offset. franz-go does not export its error for a
// missing commit.
func outOfRange(err error) bool {
	return errors.Is(err, kerr.OffsetOutOfRange) || err.Error() == "partition has no prior committed offset"
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}
