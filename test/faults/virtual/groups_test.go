//go:build synctests

package virtual

import (
	"encoding/hex"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// commitsByID is the first version of the commit request that identifies topics by id.
const commitsByID = 10

// consumerGroup is a group of the schedule's consumers.
type consumerGroup struct {
	name   string
	manual bool // its clients commit themselves
	latest bool // it begins at the end
}

// groups returns the groups of a schedule. Groups that begin at the end are used only with a family:
// they would rightly lose records after errors that make a position invalid.
func (p *plan) groups() []consumerGroup {
	if p.family.name == "tails" || p.family.name == "queues" {
		return nil
	}
	groups := []consumerGroup{{name: autoGroup}, {name: manualGroup, manual: true}}
	if p.family.name != "" {
		groups = append(groups, consumerGroup{name: lateGroup, latest: true}, consumerGroup{name: lateManualGroup, manual: true, latest: true})
	}
	return groups
}

// members returns how many consumers a group has during the faults.
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

// judged returns the groups as parameters of the checker.
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

// observeCommits records the commits that the proxies send to Kafka.
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
