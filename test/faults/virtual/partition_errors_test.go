//go:build synctests

package virtual

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// partitionErrors returns the errors after which the Kafka client of a consumer does nothing itself.
func partitionErrors() map[kmsg.Key][]*kerr.Error {
	return map[kmsg.Key][]*kerr.Error{
		kmsg.Fetch:        {kerr.UnknownServerError, kerr.InvalidRecord},
		kmsg.OffsetFetch:  {kerr.UnknownServerError, kerr.InvalidRequest},
		kmsg.OffsetCommit: {kerr.UnknownServerError, kerr.InvalidCommitOffsetSize},
	}
}

// partitionErrorAction injects an error for a partition, for a while or for one or two requests.
func partitionErrorAction(r *rand.Rand, _ *plan) action {
	key := []kmsg.Key{kmsg.Fetch, kmsg.OffsetFetch, kmsg.OffsetCommit}[r.IntN(3)]
	errors, partition := partitionErrors()[key], r.Int32N(partitions)
	fault := kfake.Fault{
		Keys: []kmsg.Key{key}, Topic: topic, Partitions: []int32{partition}, Err: errors[r.IntN(len(errors))], Count: 1 + r.IntN(2),
	}
	if r.IntN(2) == 0 {
		return action{
			name: fmt.Sprintf("%d requests %s get %s for partition %d", fault.Count, key.Name(), fault.Err.Message, partition),
			do:   func(w *world) { w.fault(fault) },
		}
	}
	d := between(r, 5*time.Second, 20*time.Second)
	fault.Count = -1
	return action{
		name: fmt.Sprintf("requests %s get %s for partition %d for %s", key.Name(), fault.Err.Message, partition, d),
		do:   func(w *world) { w.faultFor(fault, d) },
	}
}

const (
	// brokenTime is how long an error lasts for all readers.
	brokenTime = 45 * time.Second
	// mostFetches is how many requests a second a reader needs, at most, to notice a lasting error.
	mostFetches = 10
)

// tryErrors lets Kafka refuse all reading of the topic. The proxies must not overload the brokers
// meanwhile. If the error is one after which no client retries, the proxies must end the readers'
// connections, and name the error in their logs.
func (w *world) tryErrors(*workload.Producer) {
	errors := slices.Concat(partitionErrors()[kmsg.Fetch], []*kerr.Error{kerr.CorruptMessage, kerr.UnknownTopicID})
	err := errors[w.plan.random(750).IntN(len(errors))]
	w.among(func(ctx context.Context) {
		workload.Pause(ctx, joinTime)
		named := w.logs.naming(err.Message)
		refused := w.refuseReading(ctx, err)
		w.recorder.Add(history.Event{
			Kind: history.Requests, Content: "that were refused with " + err.Message, Count: refused, Limit: w.mostRefused(),
		})
		if !err.Retriable && w.logs.naming(err.Message) == named {
			w.failed(checker.Unnamed, "no line names %s, which all readers got for %s", err.Message, brokenTime)
		}
	})
}

// refuseReading injects an error for all readers, and returns how many requests got it. It ends early if
// there are more than enough.
func (w *world) refuseReading(ctx context.Context, err *kerr.Error) int {
	if !err.Retriable {
		w.recorder.Add(history.Event{Kind: history.Broken})
		defer w.recorder.Add(history.Event{Kind: history.Mended})
	}
	refused := w.fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Topic: topic, Err: err, Count: -1})
	workload.Within(brokenTime, func() bool { return ctx.Err() != nil || refused.Hits() > w.mostRefused() })
	refused.Remove()
	return refused.Hits()
}

// mostRefused returns how many requests all readers need while reading is refused.
func (w *world) mostRefused() int {
	return len(w.plan.groups()) * drainersEach * mostFetches * int(brokenTime/time.Second)
}
