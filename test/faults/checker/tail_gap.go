package checker

import (
	"fmt"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// The reasons of gaps.
const (
	expired   = "EXPIRED"
	recreated = "RECREATED"
	slow      = "SLOW"
	truncated = "TRUNCATED"
)

// gap takes a gap.
func (t *tails) gap(e *history.Event, topic *tailTopic) {
	p := topic.place(e.Partition)
	if text := t.groundless(e, topic, p); text != "" {
		t.violated(Groundless, e, "of %d/%d to %d of %s is told that they are %s, %s", e.Partition, e.Offset, e.Until, topic.name, e.Code, text)
	}
	if e.Code == recreated {
		p.enter(p.instance, e.Offset)
		p.anew = true
		return
	}
	p.resolve(e.Offset)
	if s := (slot{p.instance, e.Partition}); p.instance >= 0 && !p.anew && !topic.wants.Conflates() {
		t.judgeHole(e, topic, p, s, e.Offset)
	}
	p.known, p.next, p.excused, p.begin = true, max(p.next, e.Until), max(p.excused, e.Until), min(p.begin, e.Offset)
}

// groundless tells why a gap should not be told.
func (t *tails) groundless(e *history.Event, topic *tailTopic, p *tailPlace) string {
	if e.Code == recreated {
		if topic.name != t.main || p.instance >= t.present || t.present == 0 {
			return "and the topic was not made again"
		}
		return ""
	}
	switch {
	case e.Until <= e.Offset:
		return "which is nothing"
	case p.isExact() && !topic.wants.Conflates() && e.Offset < p.next:
		return fmt.Sprintf("and up to %d they were given", p.next)
	case e.Code == expired && !t.isExpired(e, topic, p):
		return "and they are there"
	case e.Code == truncated:
		return "and no log of the suite is ever truncated"
	case e.Code == slow && topic.wants.Slow != "skip":
		return "and the tail has asked to wait"
	}
	return ""
}

// isExact tells whether all before next was given.
func (p *tailPlace) isExact() bool { return p.known && !p.anew && p.cuts == nil }

// isExpired tells whether the records of a gap are deleted.
func (t *tails) isExpired(e *history.Event, topic *tailTopic, p *tailPlace) bool {
	if topic.name != t.main { // brokers in memory move the begin of a log that they compact
		records := t.logs[topic.name].from(slot{0, e.Partition}, e.Offset)
		return !slices.ContainsFunc(records, func(r Record) bool { return r.Offset < e.Until && !r.IsRemoved })
	}
	for s, trimmed := range t.trimmed {
		if s.partition == e.Partition && s.instance >= p.instance && e.Until <= trimmed {
			return true
		}
	}
	return false
}

// isLost tells whether the log does not have a tail's place anymore, for a reason.
func (t *tails) isLost(topic *tailTopic, reason string) bool {
	switch {
	case topic.name != t.main:
		return reason == expired && t.logs[topic.name].isCompacted // see isExpired
	case reason == expired:
		for s, trimmed := range t.trimmed {
			if topic.isBefore(s, trimmed) {
				return true
			}
		}
	case reason == recreated && t.present > 0:
		for _, p := range topic.places {
			if p.instance < t.present {
				return true
			}
		}
		return len(topic.places) == 0
	}
	return false
}

// isBefore tells whether the place of a tail may be before an offset.
func (topic *tailTopic) isBefore(s slot, offset int64) bool {
	p := topic.places[s.partition]
	return p == nil || !p.known || topic.wants.Every > 0 || p.instance <= s.instance && p.next < offset
}
