//go:build unix

package real

import (
	"context"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/links"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/workload"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// roads tells which roads between brokers are meant.
type roads func(links.Road) bool

func everyRoad(links.Road) bool { return true }

// followersOf are the roads by which others fetch from a broker, and tell it of the end of transactions.
func followersOf(id int32) roads {
	return func(r links.Road) bool { return r.To == id && !r.Controller }
}

// roadsAt are all roads from and to a broker, and its controller.
func roadsAt(id int32) roads {
	return func(r links.Road) bool { return r.From == id || r.To == id }
}

// set has roads behave otherwise, in both directions.
func (s *several) set(way links.Way, of roads) {
	for road, l := range s.roads {
		if of(road) {
			l.Set(way, way)
		}
	}
}

// onRoads has roads behave otherwise for a while.
func (r *rig) onRoads(d time.Duration, way links.Way, of roads) {
	r.several.set(way, of)
	workload.Pause(r.t.Context(), d)
	r.several.set(links.Way{}, of)
}

// twoBrokers chooses two of them.
func (r *rig) twoBrokers() (one, other int32) {
	one = r.anyBroker()
	return one, (one+r.random.Int32N(kafka.ClusterSize-1))%kafka.ClusterSize + 1
}

// separateTwo lets nothing pass between two brokers, nor their controllers, which both see the third one.
func (r *rig) separateTwo() (string, error) {
	d := r.between(time.Second, 3*lagTime)
	one, other := r.twoBrokers()
	r.onRoads(d, links.Way{Held: true}, func(road links.Road) bool { return roadsAt(one)(road) && roadsAt(other)(road) })
	return fmt.Sprintf("brokers %d and %d for %v", one, other, d), nil
}

// muteBroker lets nothing pass from one broker to another, neither requests nor answers, while all that the other sends arrives.
func (r *rig) muteBroker() (string, error) {
	d := r.between(time.Second, 3*lagTime)
	from, to := r.twoBrokers()
	held := links.Way{Held: true}
	for road, l := range r.several.roads {
		switch {
		case road.From == from && road.To == to:
			l.Set(held, links.Way{})
		case road.From == to && road.To == from:
			l.Set(links.Way{}, held)
		}
	}
	workload.Pause(r.t.Context(), d)
	r.several.set(links.Way{}, everyRoad)
	return fmt.Sprintf("from broker %d to broker %d for %v", from, to, d), nil
}

// isolateBroker cuts a broker and its controller off from the others, while proxies reach all of them: a leader of the past answers them. What
// was held arrives late, or, as often, is lost with its connections.
func (r *rig) isolateBroker() (string, error) {
	d, id, lost := r.between(time.Second, 15*time.Second), r.anyBroker(), r.random.IntN(2) == 0
	r.several.set(links.Way{Held: true}, roadsAt(id))
	workload.Pause(r.t.Context(), d)
	if lost {
		r.several.cut(roadsAt(id))
	}
	r.several.set(links.Way{}, roadsAt(id))
	return fmt.Sprintf("broker %d for %v, reset then: %v", id, d, lost), nil
}

// isolateController cuts the controller off from the other ones and from their brokers, for about as often more as less than it takes until they
// have another.
func (r *rig) isolateController() (string, error) {
	ctx, cancel := context.WithTimeout(r.t.Context(), askLimit)
	defer cancel()
	id, err := kafka.Controller(ctx, r.kafka.client)
	if err != nil {
		return "", err
	}
	d := r.between(time.Second, 8*time.Second)
	r.onRoads(d, links.Way{Held: true}, func(road links.Road) bool { return road.Controller && roadsAt(id)(road) })
	return fmt.Sprintf("controller %d for %v", id, d), nil
}

func (s *several) cut(of roads) {
	for road, l := range s.roads {
		if of(road) {
			l.Cut()
		}
	}
}

func (r *rig) resetRoads() (string, error) {
	r.several.cut(everyRoad)
	return "all of them", nil
}

func (r *rig) delayRoads() (string, error) {
	d, delay := r.between(3*time.Second, 10*time.Second), r.between(20*time.Millisecond, 300*time.Millisecond)
	r.onRoads(d, links.Way{Delay: delay}, everyRoad)
	return fmt.Sprintf("by %v each way for %v", delay, d), nil
}

func (r *rig) narrowRoads() (string, error) {
	d, rate := r.between(3*time.Second, 10*time.Second), 20_000+r.random.IntN(80_000)
	r.onRoads(d, links.Way{Rate: rate}, everyRoad)
	return fmt.Sprintf("%d bytes a second for %v", rate, d), nil
}
