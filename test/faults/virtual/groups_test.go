//go:build synctests

package virtual

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// committer is who committed in a partition, and in which generation of its group.
type committer struct {
	member     string
	generation int32
}

type groupPartition struct {
	group     string
	partition int32
}

// foreign is what members have asked for who do not own the partition. Kafka refuses most of
// it, since their generation is an old one.
type foreign struct {
	mu    sync.Mutex
	asked map[groupPartition]request
}

type request struct {
	offset int64
	at     time.Time
}

func (f *foreign) ask(at groupPartition, offset int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[at] = request{offset, time.Now()}
}

// took tells whether a position that Kafka holds was put there by one of these.
func (f *foreign) took(at groupPartition, position kfake.GroupCommit) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked, ok := f.asked[at]
	return ok && asked.offset == position.Offset && position.At.Sub(asked.at).Abs() < time.Millisecond
}

// observeCommits records what the proxies ask Kafka to commit. A partition has one owner in a
// generation, and who gives it up has done so before the next one: of two members that commit
// in the same generation, one has lost it.
func (w *world) observeCommits() {
	last := make(map[groupPartition]committer)
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		request, ok := r.(*kmsg.OffsetCommitRequest)
		if !ok {
			return nil, nil, false
		}
		now := committer{request.MemberID, request.Generation}
		for i := range request.Topics {
			for _, p := range request.Topics[i].Partitions {
				at := groupPartition{request.Group, p.Partition}
				before := last[at]
				last[at] = now
				if before.generation == now.generation && before.member != "" && before.member != now.member {
					w.foreign.ask(at, p.Offset)
				}
				w.recorder.Add(history.Event{Kind: history.Commit, Group: request.Group, Partition: p.Partition, Offset: p.Offset})
			}
		}
		return nil, nil, false
	})
}
