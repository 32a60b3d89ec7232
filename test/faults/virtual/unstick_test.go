//go:build synctests

package virtual

import (
	"context"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// stuckTime is longer than any rebalance may take, and longer than a closed consumer may stay.
const stuckTime = 100 * time.Second

// unstick frees groups repeatedly until ctx ends. The brokers in memory never remove a member that
// vanished in the middle of a rebalance, while Kafka waits for its rebalance and session timeouts: such
// a member can prevent a rebalance from ending, or keep a partition. A member that stays because a proxy
// forgot to close it is found as a goroutine that does not end.
func (w *world) unstick(ctx context.Context) {
	client, err := kgo.NewClient(kgo.SeedBrokers(w.kafka.ListenAddrs()...), kgo.Dialer(w.clients.Dial))
	if err != nil {
		return
	}
	defer client.Close()
	for workload.Pause(ctx, stuckTime) {
		for _, group := range w.plan.groups() {
			if info := w.kafka.GroupInfo(group.name); info != nil {
				_, _ = eviction(info).RequestWith(ctx, client)
			}
		}
	}
}

// eviction removes the members that are not drainers, and all while there is a rebalance.
func eviction(group *kfake.GroupInfo) *kmsg.LeaveGroupRequest {
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = group.Group
	for i := range group.Members {
		if group.State == "Stable" && strings.HasPrefix(group.Members[i].ClientID, drainer) {
			continue
		}
		member := kmsg.NewLeaveGroupRequestMember()
		member.MemberID = group.Members[i].MemberID
		request.Members = append(request.Members, member)
	}
	return request
}
