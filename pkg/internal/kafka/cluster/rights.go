package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// The numbers of ACL operations, as bits of the authorised operations (KIP-430).
	readBit, writeBit = 1 << 3, 1 << 4
)

// rights are the operations that Kafka allows one client.
type rights struct {
	topics map[string]sight
	groups map[proxy.GroupID]error // nil if the group may be used
}

// askRights asks Kafka what a client may do. The error means that this is unknown. It is nil for groups
// whose coordinator does not answer, as Kafka checks the rights to them again when they are joined.
func askRights(ctx context.Context, client *kgo.Client, accesses []Access) (*rights, error) {
	topics, groups := make(map[string]bool), make(map[proxy.GroupID]error)
	for _, a := range accesses {
		topics[a.Topic] = true
		if a.Group != "" {
			groups[a.Group] = nil
		}
	}
	sights, err := look(ctx, client, slices.Collect(maps.Keys(topics)))
	if err != nil {
		return nil, err
	}
	return &rights{sights, groups}, askGroups(ctx, client, groups)
}

// judge returns the reason why Kafka does not allow an access, or nil.
func (r *rights) judge(a Access) *proxy.Error {
	topic := r.topics[a.Topic]
	bit, word := int32(readBit), "reading from"
	if a.Operation == Produce {
		bit, word = writeBit, "writing to"
	}
	switch {
	case errors.Is(topic.err, kerr.TopicAuthorizationFailed),
		topic.err == nil && topic.operations != untold && topic.operations&bit == 0:
		return proxy.Wrap(topic.err, proxy.KindNotAuthorized, "topic: Kafka does not authorise %s %q.", word, a.Topic)
	case errors.Is(r.groups[a.Group], kerr.InvalidGroupID):
		return proxy.Errorf(proxy.KindInvalidParameter, "groupId: Kafka does not take %q.", a.Group)
	case r.groups[a.Group] != nil:
		return proxy.Wrap(r.groups[a.Group], proxy.KindNotAuthorized, "groupId: Kafka does not authorise the use of %q.", a.Group)
	case topic.err != nil:
		return proxy.AsError(LookupError(topic.err, a.Topic))
	default:
		return nil
	}
}

// isLoginRefusal reports whether Kafka refused a client's credentials.
func isLoginRefusal(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, errTokenRefused) || errors.Is(err, errLoginCut)
}
