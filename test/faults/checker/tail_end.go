package checker

import (
	"maps"
	"math"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// judgeTails finds what tails were not given in the end.
func (t *tails) judgeTails(names []string) {
	for _, name := range names {
		conn := t.last[name]
		if conn == nil {
			t.violated(Undelivered, nil, "tail %s was never served", name)
			continue
		}
		for _, topic := range slices.Sorted(maps.Keys(conn.topics)) {
			t.judgeEnd(conn, conn.topics[topic])
		}
	}
}

func (t *tails) judgeEnd(conn *tail, topic *tailTopic) {
	log := t.logs[topic.name]
	if log == nil {
		return
	}
	last := len(log.instances) - 1
	for _, partition := range slices.Sorted(maps.Keys(log.instances[last].Log)) {
		p, s := topic.place(partition), slot{last, partition}
		if p.instance < 0 && !p.anew {
			p.is(last)
		}
		if p.instance < last && (p.instance >= 0 || p.anew) {
			t.begin(p, last)
		}
		p.resolve(never)
		if left := t.left(topic, p, s); left != nil {
			e := history.Event{Conn: conn.conn}
			t.violated(Undelivered, &e, "%s at %s of %s was never given to tail %s, which is at %d", left.ID, place{s, left.Offset}, topic.name, conn.name, p.next)
		}
	}
}

// left returns a record that must come, and has not.
func (t *tails) left(topic *tailTopic, p *tailPlace, s slot) *Record {
	log, begin := t.logs[topic.name], p.next
	if topic.wants.Conflates() {
		begin = p.excused
	}
	for r := range log.within(s, begin, math.MaxInt64, topic.newest()) {
		if !t.demands(topic, p, s, r) {
			continue
		}
		if topic.wants.Conflates() && (r.Key == "" && r.Offset < p.next || r.Key != "" && p.isReplaced(r)) {
			continue
		}
		return r
	}
	return nil
}

// isReplaced tells whether a tail has a record with its key, or a newer one.
func (p *tailPlace) isReplaced(r *Record) bool {
	newest, has := p.newest[r.Key]
	return has && newest >= r.Offset
}
