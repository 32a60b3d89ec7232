//go:build synctests

package virtual

import (
	"encoding/hex"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// commitsByID is the first version of the request that commits which names topics by their ids.
const commitsByID = 10

// consumerGroup is a group of the schedule's consumers.
type consumerGroup struct {
	name   string
	manual bool // its clients commit by themselves
	latest bool // it begins at the end
}

// groups are the groups of a schedule. Those that begin at the end are there where something is done
// to the topic: of errors that make a position invalid they would rightly lose records.
func (p *plan) groups() []consumerGroup {
	groups := []consumerGroup{{name: autoGroup}, {name: manualGroup, manual: true}}
	if p.family.name != "" {
		groups = append(groups, consumerGroup{name: lateGroup, latest: true}, consumerGroup{name: lateManualGroup, manual: true, latest: true})
	}
	return groups
}

// members is how many consumers a group has in the time of faults.
func (p *plan) members(g consumerGroup) int {
	switch {
	case g.latest:
		return p.late
	case g.manual:
		return p.manual
	default:
		return p.consumers
	}
}

// judged are the groups as the checker wants them.
func (p *plan) judged() (judged []checker.Group) {
	for _, g := range p.groups() {
		judged = append(judged, checker.Group{Name: g.name, Manual: g.manual, Latest: g.latest})
	}
	return judged
}

type groupPartition struct {
	group     string
	instance  int
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
			id := ""
			if request.Version >= commitsByID {
				id = hex.EncodeToString(request.Topics[i].TopicID[:])
			}
			for _, p := range request.Topics[i].Partitions {
				w.recorder.Add(history.Event{Kind: history.Commit, Group: request.Group, ID: id, Partition: p.Partition, Offset: p.Offset})
			}
		}
		return nil, nil, false
	})
}
