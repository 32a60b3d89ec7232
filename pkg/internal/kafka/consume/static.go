package consume

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// maxInstanceID is the longest group instance id that Kafka takes (KIP-345).
	maxInstanceID = 249
	// The prefixes keep the proxy's members apart from native members of the same group, and
	// ids that hold the clientId from those that hold its hash.
	plainInstance, hashedInstance = "wsproxy-", "wsproxy."
	// leaveTimeout bounds the request that leaves a group.
	leaveTimeout = 5 * time.Second
)

// instanceID is what makes a client a static member of its groups (KIP-345): the same for each
// of its connections, whatever replica they come through, and another for any other client.
// Kafka allows fewer characters in it than there are in clientIds.
func instanceID(client proxy.ClientID) string {
	if len(plainInstance)+len(client) <= maxInstanceID && isInstance(string(client)) {
		return plainInstance + string(client)
	}
	hash := sha256.Sum256([]byte(client))
	return hashedInstance + hex.EncodeToString(hash[:])
}

func isInstance(text string) bool {
	for _, b := range []byte(text) {
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		if !letter && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return true
}

// leave takes the consumer out of its group. It names the member besides the instance: the
// instance alone might be that of a successor by now, which Kafka would throw out. A consumer
// that never became a member has nothing to leave. It is asked when the client is closed, which
// would join again as another member.
func (c *Consumer) leave(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID, member.InstanceID = id, &c.instance
	member.Reason = new("the client has left")
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group, request.MemberID = string(c.options.GroupID), id
	request.Members = append(request.Members, member)
	answer, err := c.askClosed(ctx, request)
	if err == nil {
		err = leaveError(answer)
	}
	if err != nil {
		return fmt.Errorf("leaving group %s: %w", c.options.GroupID, err)
	}
	return nil
}

// askClosed asks to leave after the consumer's client was closed, with the same credentials.
func (c *Consumer) askClosed(ctx context.Context, request *kmsg.LeaveGroupRequest) (*kmsg.LeaveGroupResponse, error) {
	if c.options.Topic.Credentials().IsZero() {
		return request.RequestWith(ctx, c.cluster.Client)
	}
	more := cluster.Quickly(len(c.cluster.Settings.BootstrapHosts))
	client, err := kgo.NewClient(c.cluster.OptionsAs(metrics.IdentityClient, c.options.Topic.Credentials, "wsproxy-identity", more...)...)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	defer client.Close()
	return request.RequestWith(ctx, client)
}

// leaveError returns why the member is still in the group. One that is none anymore, or that
// was replaced, has left.
func leaveError(answer *kmsg.LeaveGroupResponse) error {
	codes := []int16{answer.ErrorCode}
	for _, m := range answer.Members {
		codes = append(codes, m.ErrorCode)
	}
	for _, code := range codes {
		err := kerr.ErrorForCode(code)
		if err != nil && !errors.Is(err, kerr.UnknownMemberID) && !errors.Is(err, kerr.FencedInstanceID) {
			return err
		}
	}
	return nil
}
