package checker

import (
	"maps"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// snapshot is the newest records of all keys, while a tail is given them.
type snapshot struct {
	newest map[int32]map[string]int64
	count  int
}

// newest takes a record of a snapshot.
func (t *tails) newest(e *history.Event, topic *tailTopic, at place, r *Record) {
	s := topic.snapshot
	s.count++
	if s.newest[e.Partition] == nil {
		s.newest[e.Partition] = make(map[string]int64)
	}
	if other, has := s.newest[e.Partition][r.Key]; has || r.IsTombstone {
		t.violated(Unfolded, e, "the snapshot has %s at %s, which has another with the key at %d, or has no value", r.ID, at, other)
	}
	s.newest[e.Partition][r.Key] = e.Offset
}

// live takes the end of a snapshot: it must be what the log is when its newest records are kept, up to some place in each
// partition.
func (t *tails) live(e *history.Event, topic *tailTopic) {
	s := topic.snapshot
	topic.snapshot = nil
	if s == nil || s.count != e.Count {
		t.violated(Unfolded, e, "the end of a snapshot of %d keys is told", e.Count)
		return
	}
	instances := t.logs[topic.name].instances
	for partition, records := range instances[len(instances)-1].Log {
		p := topic.place(partition)
		newest := s.newest[partition]
		p.enter(len(instances)-1, 0)
		p.cuts = topic.cuts(records, newest)
		maps.Copy(p.newest, newest)
		maps.Copy(p.given, newest)
		if len(topic.filters) > 1 { // nobody knows which was in force
			p.known, p.begin, p.cuts = false, never, nil
			continue
		}
		if p.cuts == nil {
			t.violated(Unfolded, e, "of partition %d a snapshot has %v, which its newest records never were", partition, newest)
			p.known, p.begin = false, never
			continue
		}
		t.judgeAge(e, topic, partition, records, p.cuts[len(p.cuts)-1])
	}
}

// cuts returns up to where the log may be of which these are the newest records.
func (topic *tailTopic) cuts(records []Record, newest map[string]int64) (cuts []int64) {
	folded, next := make(map[string]int64), int64(0)
	for i := range len(records) + 1 {
		if maps.Equal(folded, newest) {
			cuts = append(cuts, next)
		}
		if i == len(records) {
			break
		}
		r := &records[i]
		next = r.Offset + 1
		if !topic.filters[0].wants(r) {
			continue
		}
		if delete(folded, r.Key); !r.IsTombstone {
			folded[r.Key] = r.Offset
		}
	}
	return cuts
}

// judgeAge finds records that were acknowledged before a snapshot was asked for, and that came after it was taken.
func (t *tails) judgeAge(e *history.Event, topic *tailTopic, partition int32, records []Record, cut int64) {
	for i := range records {
		r := &records[i]
		if r.Offset >= cut && topic.mustShow(t.sent[r.ID]) {
			t.violated(Unfolded, e, "a snapshot lacks %s at %d/%d, which was acknowledged before it was asked for", r.ID, partition, r.Offset)
			return
		}
	}
}
