//go:build synctests

package virtual

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
)

// family is a kind of additional faults of schedules, if -family names it.
type family struct {
	name string
	// action returns one of its faults, at a given time. It may be nil.
	action func(*rand.Rand, *plan) action
	// trial runs after all other faults, with healthy clients, and checks them. It may be nil.
	trial func(*world, *workload.Producer)
	// last runs after all clients have stopped, before the remaining records are read. It may be nil.
	last func(*world)
	// least is how many of its faults a schedule has beyond one.
	least int
	// settings are those of the proxies.
	settings []string
}

// families returns all families, in the order that "all" uses.
func families() []family {
	return []family{
		{name: "topics", action: remakeAction, trial: (*world).tryRemaking},
		{name: "growth", action: growAction, trial: (*world).tryGrowing},
		{name: "retention", action: trimAction, last: (*world).trimAll},
		{name: "crowd", trial: (*world).tryCrowd, settings: []string{"WSPROXY_KAFKA_MAX_PRODUCER_CLIENTS=3"}},
		{name: "errors", action: partitionErrorAction, trial: (*world).tryErrors},
		{name: "state", action: stateAction, trial: (*world).tryStateAway},
		{name: "tails", action: tailAction, trial: (*world).tryTails, settings: tailSettings()},
		{name: "queues", action: queueAction, trial: (*world).tryQueues, least: 3},
	}
}

// familyOf returns the family of a seed's schedule: one of those that -family names, in turn, or none.
func familyOf(seed uint64) family {
	var chosen []family
	for _, f := range families() {
		if *inFamily == "all" || slices.Contains(strings.Split(*inFamily, ","), f.name) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return family{}
	}
	return chosen[seed%uint64(len(chosen))]
}

// addFamily adds the faults of the schedule's family to a plan, and reduces the number of others.
func (p *plan) addFamily() {
	r := p.random(700)
	p.late = 1 + r.IntN(2) // in groups that the families tails and queues do not have
	if p.family.name == "crowd" {
		p.producers += 6
	}
	p.actions = slices.DeleteFunc(p.actions, func(action) bool { return r.IntN(2) == 0 })
	if p.family.action == nil {
		return
	}
	for range p.family.least + 1 + r.IntN(4) {
		a := p.family.action(r, p)
		a.at = between(r, 0, p.length)
		p.actions = append(p.actions, a)
	}
}

// isLie reports whether an error wrongly says that the topic is missing, or that the log does not have a
// position. Schedules in which this really happens do not inject such errors.
func isLie(key kmsg.Key, err *kerr.Error) bool {
	return slices.Contains([]*kerr.Error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID}, err) ||
		key == kmsg.Fetch && err == kerr.OffsetOutOfRange
}
