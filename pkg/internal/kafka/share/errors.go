package share

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// final converts an answer of Kafka that does not change by waiting into an error for clients; nil for other errors. first is
// set if the member has not joined yet.
func final(err error, group proxy.GroupID, first bool) *proxy.Error {
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return proxy.Wrap(err, proxy.KindNotAuthorized, "groupId: Kafka does not authorise the use of %q.", group)
	case errors.Is(err, kerr.InvalidGroupID):
		return proxy.Wrap(err, proxy.KindInvalidParameter, "groupId: Kafka does not take %q.", group)
	case first && (errors.Is(err, kerr.GroupIDNotFound) || errors.Is(err, kerr.InconsistentGroupProtocol)):
		return proxy.Wrap(err, proxy.KindInvalidParameter, "groupId: %q is a group of another kind, and cannot be a queue.", group)
	case errors.Is(err, kerr.GroupMaxSizeReached):
		return proxy.Wrap(err, proxy.KindLimitReached, "groupId: %q has as many members as Kafka allows.", group)
	case errors.Is(err, kerr.UnsupportedVersion):
		return unsupported(err)
	default:
		return nil
	}
}

// unsupported is the error if brokers have no share groups.
func unsupported(cause error) *proxy.Error {
	return proxy.Wrap(cause, proxy.KindQueuesUnsupported, "The Kafka brokers have no queues: they need Kafka 4.2 or newer, and the feature share.version.")
}

// unavailable is the error if Kafka does not answer, or cannot do what is asked, for too long.
func unavailable(cause error, group proxy.GroupID) *proxy.Error {
	return proxy.Wrap(cause, proxy.KindKafkaUnavailable, "Kafka cannot serve the queue %q now.", group)
}

// shuttingDown is the error after Groups.Close.
func shuttingDown() *proxy.Error {
	return proxy.Errorf(proxy.KindShuttingDown, "The proxy is shutting down.")
}

// isDenial tells whether Kafka does not allow the use of a topic.
func isDenial(err error) bool { return errors.Is(err, kerr.TopicAuthorizationFailed) }
