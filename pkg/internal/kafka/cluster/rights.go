package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// The numbers of ACL operations, as bits of what Kafka authorises (KIP-430).
	readBit, writeBit = 1 << 3, 1 << 4
	// untold is what brokers answer that do not tell what they authorise.
	untold = math.MinInt32
	// groupsAtOnce is how many groups a client is asked for at a time.
	groupsAtOnce = 8
)

// rights are what Kafka lets one client do.
type rights struct {
	topics map[string]topicRight
	groups map[proxy.GroupID]error // nil where the group may be used
}

type topicRight struct {
	err        error // why Kafka tells nothing of the topic
	operations int32 // as bits
}

// askRights asks Kafka what a client may do. The error is why nobody knows; there is none about
// groups whose coordinator does not answer, as Kafka judges them again when they are joined.
func askRights(ctx context.Context, client *kgo.Client, accesses []Access) (*rights, error) {
	r := &rights{topics: make(map[string]topicRight), groups: make(map[proxy.GroupID]error)}
	request := kmsg.NewPtrMetadataRequest()
	request.IncludeTopicAuthorizedOperations = true
	for _, a := range accesses {
		if _, ok := r.topics[a.Topic]; !ok {
			r.topics[a.Topic] = topicRight{err: kerr.UnknownServerError}
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = new(a.Topic)
			request.Topics = append(request.Topics, topic)
		}
		if a.Group != "" {
			r.groups[a.Group] = nil
		}
	}
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("asking for topics: %w", err)
	}
	for _, t := range answer.Topics {
		if t.Topic != nil {
			r.topics[*t.Topic] = topicRight{kerr.ErrorForCode(t.ErrorCode), t.AuthorizedOperations}
		}
	}
	err = r.askGroups(ctx, client)
	return r, err
}

// askGroups asks for the groups, several at a time.
func (r *rights) askGroups(ctx context.Context, client *kgo.Client) error {
	var (
		asking sync.WaitGroup
		mu     sync.Mutex // guards r.groups and failed while asking
		failed error
		places = make(chan struct{}, groupsAtOnce)
	)
	groups := make([]proxy.GroupID, 0, len(r.groups))
	for group := range r.groups {
		groups = append(groups, group)
	}
	for _, group := range groups {
		places <- struct{}{}
		asking.Go(func() {
			defer func() { <-places }()
			denied, err := askGroup(ctx, client, group)
			mu.Lock()
			defer mu.Unlock()
			r.groups[group] = denied
			if isLoginRefusal(err) {
				failed = err
			}
		})
	}
	asking.Wait()
	return failed
}

// askGroup tells why a client may not use a group.
func askGroup(ctx context.Context, client *kgo.Client, group proxy.GroupID) (denied, failed error) {
	err := describeGroup(ctx, client, group)
	if errors.Is(err, errUntold) {
		err = knockAtGroup(ctx, client, group)
	}
	if errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.InvalidGroupID) {
		return err, nil
	}
	return nil, err
}

var errUntold = errors.New("the broker does not tell the rights to the group")

// describeGroup asks for the rights to a group. Of one that does not exist brokers may tell none.
func describeGroup(ctx context.Context, client *kgo.Client, group proxy.GroupID) error {
	request := kmsg.NewPtrDescribeGroupsRequest()
	request.Groups = []string{string(group)}
	request.IncludeAuthorizedOperations = true
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if len(answer.Groups) == 0 {
		return errUntold
	}
	described := answer.Groups[0]
	switch err := kerr.ErrorForCode(described.ErrorCode); {
	case errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.InvalidGroupID):
		return err
	case described.AuthorizedOperations == untold:
		return errUntold
	case described.AuthorizedOperations&readBit == 0:
		return kerr.GroupAuthorizationFailed
	default:
		return nil
	}
}

// knockAtGroup does what only members may do, as a member that is not there: Kafka looks at the
// rights first.
func knockAtGroup(ctx context.Context, client *kgo.Client, group proxy.GroupID) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group = string(group)
	request.MemberID = "wsproxy-not-a-member"
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.ErrorCode)
}

// judge tells why Kafka does not let a client do something, or nil.
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

// isLoginRefusal tells whether Kafka did not take a client's credentials.
func isLoginRefusal(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, errTokenRefused) || errors.Is(err, errLoginCut)
}
