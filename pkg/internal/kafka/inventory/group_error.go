package inventory

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// groupError converts the reason why a lookup or a change of a group failed into an error for clients.
func groupError(err error, id proxy.GroupID) error {
	if e, ok := errors.AsType[*proxy.Error](err); ok {
		return e
	}
	is := func(reasons ...error) bool {
		return slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) })
	}
	switch {
	case is(kerr.GroupIDNotFound, kerr.InvalidGroupID):
		return proxy.Errorf(proxy.KindNotFound, "There is no consumer group %q.", id)
	case is(kerr.NonEmptyGroup, kerr.GroupSubscribedToTopic, kerr.UnknownMemberID, kerr.IllegalGeneration,
		kerr.RebalanceInProgress, kerr.StaleMemberEpoch, kerr.FencedMemberEpoch):
		return proxy.Wrap(err, proxy.KindGroupActive, "Group %q has members.", id)
	case is(kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "Kafka does not let the proxy do this with group %q.", id)
	case is(kerr.UnknownTopicOrPartition, kerr.UnknownTopicID):
		return proxy.Wrap(err, proxy.KindNotFound, "A topic of group %q has just been deleted.", id)
	case is(kerr.OffsetMetadataTooLarge):
		return proxy.Errorf(proxy.KindInvalidValue, "metadata is longer than the brokers' offset.metadata.max.bytes allows.")
	default:
		return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell about group %q now.", id)
	}
}

// changeError converts the reason why a group could not be changed, if there is one, into an error for
// clients.
func changeError(err error, id proxy.GroupID) error {
	if err == nil {
		return nil
	}
	if !isAnswer(err) {
		return proxy.Wrap(err, proxy.KindTimeout, "Kafka takes too long. Group %q may change yet, or not.", id)
	}
	return groupError(err, id)
}
