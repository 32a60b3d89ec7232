//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// stateTopic is where the proxies keep the sessions.
const stateTopic = "_wsproxy.session.state"

// deleteState deletes the topic of the sessions. The proxies make it again, and write what their connections hold.
func (r *rig) deleteState() (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), changeLimit)
	defer cancel()
	before, err := r.kafka.admin.ListTopics(ctx, stateTopic)
	if err != nil {
		return "", fmt.Errorf("asking for the topic of the sessions: %w", err)
	}
	began := time.Now()
	if _, err := r.kafka.admin.DeleteTopic(ctx, stateTopic); err != nil {
		return "", fmt.Errorf("deleting the topic of the sessions: %w", err)
	}
	for {
		now, err := r.kafka.admin.ListTopics(ctx, stateTopic)
		if err == nil && now[stateTopic].Err == nil && now[stateTopic].ID != before[stateTopic].ID {
			return fmt.Sprintf("made again after %v", time.Since(began).Round(time.Millisecond)), nil
		}
		if !workload.Pause(ctx, askPause) {
			return "", fmt.Errorf("the proxies have not made the topic of the sessions again: %w", ctx.Err())
		}
	}
}

// freezeStateLeader stops the broker that leads the topic of the sessions, for about as often more as less than the time after which another one
// leads.
func (r *rig) freezeStateLeader() (string, error) {
	leaders, err := leadersOf(r.t.Context(), r.kafka.admin, stateTopic)
	if err != nil {
		return "", err
	}
	return r.freezeFor(leaders[0], r.between(time.Second, 12*time.Second))
}
