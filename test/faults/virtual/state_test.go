//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// stateTopic holds the proxies' sessions.
const stateTopic = "_wsproxy.session.state"

// stateAction silences, for a while, only the broker that leads the state topic.
func stateAction(r *rand.Rand, _ *plan) action {
	d := between(r, time.Second, 30*time.Second)
	return action{
		name: fmt.Sprintf("the broker that leads the state topic alone is silent for %s", d),
		do:   func(w *world) { w.after(d, w.loseState()) },
	}
}

// loseState leaves requests that name the state topic unanswered until back is called.
func (w *world) loseState() (back func()) {
	w.meddle()
	w.stateAway.Add(1)
	return func() { w.stateAway.Add(-1) }
}

// watchState leaves requests that name the state topic unanswered while its leader is away.
func (w *world) watchState() {
	for _, key := range []kmsg.Key{kmsg.Fetch, kmsg.Produce, kmsg.ListOffsets} {
		w.kafka.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			w.kafka.KeepControl()
			return nil, nil, w.stateAway.Load() > 0 && w.namesState(r)
		})
	}
}

// namesState reports whether a request is for the state topic's leader. No request names it together
// with other topics.
func (w *world) namesState(r kmsg.Request) bool {
	id, _ := w.stateID.Load().([16]byte)
	switch r := r.(type) {
	case *kmsg.FetchRequest:
		return slices.ContainsFunc(r.Topics, func(t kmsg.FetchRequestTopic) bool { return t.Topic == stateTopic || t.TopicID == id })
	case *kmsg.ProduceRequest:
		return slices.ContainsFunc(r.Topics, func(t kmsg.ProduceRequestTopic) bool { return t.Topic == stateTopic || t.TopicID == id })
	case *kmsg.ListOffsetsRequest:
		return slices.ContainsFunc(r.Topics, func(t kmsg.ListOffsetsRequestTopic) bool { return t.Topic == stateTopic })
	default:
		return false
	}
}

// stateTime is how long the state is unavailable to healthy clients: longer than any lease or session.
const stateTime = 45 * time.Second

// tryStateAway makes the state unavailable to healthy clients, who do not need it: they must be served
// all the time.
func (w *world) tryStateAway(probe *workload.Producer) {
	w.among(func(ctx context.Context) {
		workload.Pause(ctx, joinTime)
		back := w.loseState()
		defer back()
		workload.Pause(ctx, stateTime)
		before := probe.Acked()
		if !workload.Within(stateTime, func() bool { return probe.Acked() > before }) {
			w.failed(checker.Unserved, "a healthy producer had no answer for %s while the state was away", stateTime)
		}
	})
}
