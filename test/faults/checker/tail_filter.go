package checker

import "slices"

// filter is the keys that a tail has asked for at some time.
type filter struct {
	all   bool
	keys  []string
	acked int // the event from which on what is sent is under it, or a later one
}

func newFilter(keys []string, acked int) filter {
	return filter{keys == nil, keys, acked}
}

func (f *filter) wants(r *Record) bool {
	return f.all || r.Key != "" && slices.Contains(f.keys, r.Key)
}

// change is called where a connection asks for other keys from a cursor on, that it was given at an event. What the one
// before has asked for is over there.
func (topic *tailTopic) change(keys []string, index int) {
	for i := range topic.filters {
		topic.filters[i].acked = min(topic.filters[i].acked, index)
	}
	topic.filters = append(topic.filters, newFilter(keys, index))
}

// confirm is called when the oldest change without an answer is answered.
func (topic *tailTopic) confirm(index int) {
	for i := range topic.filters {
		if topic.filters[i].acked == never {
			topic.filters[i].acked = index
			return
		}
	}
}

// newest is the filter that was asked for last. It may apply to every message, so that what it does not want is not
// demanded.
func (topic *tailTopic) newest() *filter { return &topic.filters[len(topic.filters)-1] }

// mayApply returns the filters under which a message may have been read.
func (topic *tailTopic) mayApply(s sending) []filter {
	for i := range slices.Backward(topic.filters) {
		if topic.filters[i].acked < s.index {
			return topic.filters[i:]
		}
	}
	return topic.filters
}

// hasWanted tells whether a client has always wanted a record while it was given what it has beyond its cursor.
func (topic *tailTopic) hasWanted(r *Record) bool {
	return !slices.ContainsFunc(topic.passed, func(f filter) bool { return !f.wants(r) })
}

// allows tells whether a tail may be given a record: some filter that may apply wants it.
func (topic *tailTopic) allows(r *Record, s sending) bool {
	return slices.ContainsFunc(topic.mayApply(s), func(f filter) bool { return f.wants(r) })
}

// demands tells whether all filters that may apply want a record.
func (topic *tailTopic) demands(r *Record, s sending) bool {
	return !slices.ContainsFunc(topic.mayApply(s), func(f filter) bool { return !f.wants(r) })
}
