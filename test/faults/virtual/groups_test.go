//go:build synctests

package virtual

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

type groupPartition struct {
	group     string
	partition int32
}

// observeCommits records what the proxies ask Kafka to commit.
func (w *world) observeCommits() {
	w.kafka.ControlKey(int16(kmsg.OffsetCommit), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		request, ok := r.(*kmsg.OffsetCommitRequest)
		if !ok {
			return nil, nil, false
		}
		for i := range request.Topics {
			for _, p := range request.Topics[i].Partitions {
				w.recorder.Add(history.Event{Kind: history.Commit, Group: request.Group, Partition: p.Partition, Offset: p.Offset})
			}
		}
		return nil, nil, false
	})
}
