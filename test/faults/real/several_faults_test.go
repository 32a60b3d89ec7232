//go:build unix

package real

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// severalFaults are those of three brokers, and of the network between them and the proxies.
func severalFaults() []fault {
	held := links.Way{Held: true}
	return []fault{
		{name: "broker killed", strike: (*rig).killAnyBroker},
		{name: "controller killed", strike: (*rig).killController},
		{name: "broker frozen", strike: (*rig).freezeAnyBroker, divides: true},
		{name: "broker that leads the sessions frozen", strike: (*rig).freezeStateLeader, divides: true},
		{name: "leaders moved", strike: (*rig).moveLeaders},
		{name: "broker cut off from its followers", strike: (*rig).separateBroker},
		{name: "broker cut off from its followers, then killed", strike: (*rig).killLoneBroker},
		{name: "leader elected that was not in sync", strike: (*rig).electUncleanly},
		{name: "two brokers: nothing passes", strike: (*rig).separateTwo, divides: true},
		{name: "two brokers: nothing passes from one to the other", strike: (*rig).muteBroker, divides: true},
		{name: "broker cut off from the others, not from proxies", strike: (*rig).isolateBroker, divides: true},
		{name: "controller cut off from the others", strike: (*rig).isolateController, divides: true},
		{name: "connections between brokers reset", strike: (*rig).resetRoads},
		{name: "network between brokers late", strike: (*rig).delayRoads},
		{name: "network between brokers narrow", strike: (*rig).narrowRoads, divides: true},
		{name: "proxy and broker: nothing passes", strike: func(r *rig) (string, error) { return r.holdOne(held, held) }},
		{name: "proxy and broker: requests do not pass", strike: func(r *rig) (string, error) { return r.holdOne(held, links.Way{}) }},
		{name: "proxy and broker: answers do not pass", strike: func(r *rig) (string, error) { return r.holdOne(links.Way{}, held) }},
		{name: "proxy cut off from all brokers", strike: (*rig).cutOffProxy},
		{name: "connections to brokers reset", strike: (*rig).resetLinks},
		{name: "connections to brokers half-open", strike: (*rig).abandonLinks},
		{name: "network late", strike: (*rig).delayLinks},
		{name: "network narrow", strike: (*rig).narrowLinks},
		{name: "proxy killed", strike: (*rig).killProxy},
		{name: "proxy shut down by SIGTERM", strike: (*rig).stopProxy},
		{name: "proxy frozen", strike: (*rig).freezeProxy},
		{name: "replicas added, then shut down by SIGTERM", strike: (*rig).scale},
		{name: "clients reset (RST)", strike: (*rig).resetClients},
		{name: "topic deleted and made again", strike: (*rig).remakeTopic},
		{name: "partitions added", strike: (*rig).growTopic},
		{name: "records deleted", strike: (*rig).trimTopic},
		{name: "topic compacted", strike: (*rig).compact},
		{name: "topic of the sessions deleted", strike: (*rig).deleteState},
		{name: "tokens that expire soon", strike: (*rig).shortenTokens},
		{name: "identity provider down", strike: (*rig).loseProvider},
		{name: "identity provider's keys replaced", strike: (*rig).rotateProvider},
		{name: "server's certificate expired, then replaced", strike: (*rig).expireCertificate},
		{name: "policy changed, and back", strike: (*rig).changePolicy},
		{name: "limits changed, and back", strike: (*rig).changeLimits},
	}
}

func (r *rig) anyBroker() int32 { return 1 + r.random.Int32N(kafka.ClusterSize) }

// killAnyBroker leaves the broker away for about as often more as less than the time after which others lead.
func (r *rig) killAnyBroker() (string, error) { return r.killAndRestart(r.anyBroker()) }

func (r *rig) killController() (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), askLimit)
	defer cancel()
	id, err := kafka.Controller(ctx, r.kafka.client)
	if err != nil {
		return "", err
	}
	return r.killAndRestart(id)
}

func (r *rig) killAndRestart(id int32) (string, error) {
	away := r.between(0, 12*time.Second)
	ctx, cancel := context.WithTimeout(r.t.Context(), startLimit)
	defer cancel()
	err := r.several.brokers.Node(id).Kill()
	if err == nil {
		workload.Pause(ctx, away)
		err = r.several.brokers.Node(id).Restart(ctx)
	}
	return fmt.Sprintf("broker %d, restarted after %v", id, away), err
}

func (r *rig) freezeAnyBroker() (string, error) {
	d, id := r.between(time.Second, 12*time.Second), r.anyBroker()
	return r.freezeFor(id, d)
}

func (r *rig) freezeFor(id int32, d time.Duration) (string, error) {
	err := r.several.brokers.Node(id).Pause()
	if err == nil {
		workload.Pause(r.t.Context(), d)
		err = r.several.brokers.Node(id).Resume()
	}
	return fmt.Sprintf("broker %d for %v", id, d), err
}

func (r *rig) moveLeaders() (string, error) {
	return moveLeaders(r.t.Context(), r.kafka.admin, 1+r.random.Int32N(2))
}

// separateBroker lets a broker lead that none follows, for about as often more as less than the time after which it is not
// enough to acknowledge anything.
func (r *rig) separateBroker() (string, error) {
	d, id := r.between(time.Second, 3*lagTime), r.anyBroker()
	r.onRoads(d, links.Way{Held: true}, followersOf(id))
	return fmt.Sprintf("broker %d for %v", id, d), nil
}

// killLoneBroker kills a broker when it is the only one in sync with a partition. Another must lead, which holds all that was
// acknowledged, as two had to have it.
func (r *rig) killLoneBroker() (string, error) {
	leaders, err := leadersOf(r.t.Context(), r.kafka.admin, topic)
	if err != nil {
		return "", err
	}
	id := leaders[r.random.Int32N(partitions)]
	r.several.set(links.Way{Held: true}, followersOf(id))
	alone := workload.Within(healLimit, func() bool { return isAlone(r.t.Context(), r.kafka.admin, topic, id) })
	err = r.several.brokers.Node(id).Kill()
	r.several.set(links.Way{}, followersOf(id))
	if err != nil || !alone {
		return fmt.Sprintf("broker %d, which was alone: %v", id, alone), err
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), startLimit)
	defer cancel()
	others := workload.Within(healLimit, func() bool {
		leaders, err := leadersOf(ctx, r.kafka.admin, topic)
		for _, leader := range leaders {
			if leader == id || leader < 1 {
				return false
			}
		}
		return err == nil
	})
	return fmt.Sprintf("broker %d; others led: %v", id, others), r.several.brokers.Node(id).Restart(ctx)
}

// holdOne cuts one proxy off from one broker, for about as often more as less than what requests may take. What was held arrives
// late, or, as often, is lost with its connections.
func (r *rig) holdOne(up, down links.Way) (string, error) {
	d, i, id := r.between(time.Second, 12*time.Second), r.random.IntN(replicas), r.anyBroker()
	l, cut := r.several.links[i][id], r.random.IntN(2) == 0
	l.Set(up, down)
	workload.Pause(r.t.Context(), d)
	if cut {
		l.Cut()
	}
	l.Set(links.Way{}, links.Way{})
	return fmt.Sprintf("replica %d and broker %d for %v, reset then: %v", i, id, d, cut), nil
}

func (r *rig) cutOffProxy() (string, error) {
	d, i := r.between(time.Second, 12*time.Second), r.random.IntN(replicas)
	for _, l := range r.several.links[i] {
		l.Set(links.Way{Held: true}, links.Way{Held: true})
	}
	workload.Pause(r.t.Context(), d)
	for _, l := range r.several.links[i] {
		l.Set(links.Way{}, links.Way{})
	}
	return fmt.Sprintf("replica %d for %v", i, d), nil
}

// abandonLinks leaves connections half-open: the brokers know of their end, and the proxies have to find out by themselves.
func (r *rig) abandonLinks() (string, error) {
	count := 0
	for i := range r.several.links {
		for _, id := range slices.Sorted(maps.Keys(r.several.links[i])) {
			if r.random.IntN(2) == 0 {
				r.several.links[i][id].Abandon()
				count++
			}
		}
	}
	return fmt.Sprintf("%d links", count), nil
}

// resetLinks ends connections, and has new ones refused for a while.
func (r *rig) resetLinks() (string, error) {
	d := r.between(0, 4*time.Second)
	var refusing []*links.Link
	for i := range r.several.links {
		for id := range int32(kafka.ClusterSize) {
			if r.random.IntN(2) == 0 {
				refusing = append(refusing, r.several.links[i][id+1])
			}
		}
	}
	for _, l := range refusing {
		l.Refuse(true)
		l.Cut()
	}
	workload.Pause(r.t.Context(), d)
	for _, l := range refusing {
		l.Refuse(false)
	}
	return fmt.Sprintf("%d of them for %v", len(refusing), d), nil
}

func (r *rig) delayLinks() (string, error) {
	delay := r.between(20*time.Millisecond, 500*time.Millisecond)
	return r.everyLink(links.Way{Delay: delay}, fmt.Sprintf("by %v each way", delay))
}

func (r *rig) narrowLinks() (string, error) {
	rate := 20_000 + r.random.IntN(80_000)
	return r.everyLink(links.Way{Rate: rate}, fmt.Sprintf("%d bytes a second", rate))
}

func (r *rig) everyLink(way links.Way, what string) (string, error) {
	d := r.between(3*time.Second, 10*time.Second)
	set := func(way links.Way) {
		for i := range r.several.links {
			for _, l := range r.several.links[i] {
				l.Set(way, way)
			}
		}
	}
	set(way)
	workload.Pause(r.t.Context(), d)
	set(links.Way{})
	return fmt.Sprintf("%s for %v", what, d), nil
}
