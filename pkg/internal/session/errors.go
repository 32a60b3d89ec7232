package session

import (
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// errLimit is the error of an attempt for which there is no place.
func errLimit(q *Request, o outcome) *proxy.Error {
	switch {
	case o == topicFull:
		return proxy.Errorf(proxy.KindLimitReached, "Group %q has a connection for each of the %d partitions of topic %q: one more would get nothing. Close one, or read with another groupId.",
			q.Group, q.Partitions, q.Topic)
	case q.Kind == Producer:
		return proxy.Errorf(proxy.KindLimitReached, "Client %q has its most connections of %d: close one, or have its limit raised.", q.Client, q.Limit)
	default:
		return proxy.Errorf(proxy.KindLimitReached, "Group %q has its most connections of %d: close one, or have its limit raised.", q.Group, q.Limit)
	}
}

// errDuplicate is the error of an attempt whose identity its rival has; rival is nil where it is gone
// by now. The cause names the principal of the rival: it is for the log, and not for the client.
func errDuplicate(a *attempt, rival *entry) *proxy.Error {
	e := proxy.Errorf(proxy.KindDuplicateClient, "Client %q is connected in group %q already.", a.request.Client, a.request.Group)
	if a.request.Kind == Producer {
		e.Message = fmt.Sprintf("Instance %q of client %q is connected already.", a.request.Instance, a.request.Client)
	}
	if rival != nil {
		e.Cause = fmt.Errorf("the session is held by %q on the replica %q", rival.principal(), rival.Server)
	}
	return e
}

// errReplaced is the error of a session whose identity another one has.
func errReplaced(successor *entry) *proxy.Error {
	return proxy.Wrap(fmt.Errorf("%w, on the replica %q", proxy.ErrSucceeded, successor.Server), proxy.KindDuplicateClient,
		"Another connection has taken this one's place.")
}

// errEvicted is the error of a session that an administrator has ended.
func errEvicted() *proxy.Error {
	return proxy.Errorf(proxy.KindDuplicateClient, "An administrator has ended this connection.")
}

// errCutOff is the error of a producer's session on a replica that alone has lost the log of sessions.
func errCutOff() *proxy.Error {
	return proxy.Errorf(proxy.KindKafkaUnavailable, "This replica alone does not reach the topic of sessions: connect again.")
}

// errPlaceLost is the error of a session whose place others have taken while the log had lost it.
func errPlaceLost() *proxy.Error {
	return proxy.Errorf(proxy.KindOverloaded, "Kafka had not heard of this replica for too long, and others have taken the place: connect again.")
}
