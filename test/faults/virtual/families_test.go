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

// family is a kind of faults that schedules have beside those of all, when -family names it.
type family struct {
	name string
	// action makes one of its faults, at a time that is chosen for it. It may be nil.
	action func(*rand.Rand, *plan) action
	// trial is done once nothing else fails, among clients that are healthy, and judges them. It
	// may be nil.
	trial func(*world, *workload.Producer)
	// last is done when nobody writes or reads anymore, before all that is left is read. It may be
	// nil.
	last func(*world)
	// settings are those of the proxies.
	settings []string
}

// families are in the order in which "all" goes through them.
func families() []family {
	return []family{
		{name: "topics", action: remakeAction, trial: (*world).tryRemaking},
		{name: "growth", action: growAction, trial: (*world).tryGrowing},
		{name: "retention", action: trimAction, last: (*world).trimAll},
		{name: "crowd", trial: (*world).tryCrowd, settings: []string{"WSPROXY_KAFKA_MAX_PRODUCER_CLIENTS=3"}},
		{name: "errors", action: partitionErrorAction, trial: (*world).tryErrors},
		{name: "state", action: stateAction, trial: (*world).tryStateAway},
	}
}

// familyOf returns the family of a seed's schedule: one of those that -family names, in turn, or
// none.
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

// addFamily adds the faults of the schedule's family to a plan, in which the others then are fewer.
func (p *plan) addFamily() {
	r := p.random(700)
	p.late = 1 + r.IntN(2)
	if p.family.name == "crowd" {
		p.producers += 6
	}
	p.actions = slices.DeleteFunc(p.actions, func(action) bool { return r.IntN(2) == 0 })
	if p.family.action == nil {
		return
	}
	for range 1 + r.IntN(4) {
		a := p.family.action(r, p)
		a.at = between(r, 0, p.length)
		p.actions = append(p.actions, a)
	}
}

// isLie tells whether an error says of the topic that it is not there, or of a position that the log
// does not have it. Schedules in which that happens do without such errors of others.
func isLie(key kmsg.Key, err *kerr.Error) bool {
	return slices.Contains([]*kerr.Error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID}, err) ||
		key == kmsg.Fetch && err == kerr.OffsetOutOfRange
}
