package share

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// steerPause is the pause between two looks at the leaders while all is well. After failures it is longer.
const steerPause = 100 * time.Millisecond

var errNoLeader = errors.New("a partition has no leader")

// steering gives the assigned partitions to the sessions of their leaders, whenever something has changed.
func (m *member) steering() {
	var p pauses
	var failures int64 // that were known at the last look
	for {
		select {
		case <-m.steer:
		case <-m.retired:
			return
		case <-m.life.Done():
			return
		}
		pause := steerPause
		known := m.failures.Load()
		err := m.look()
		if err != nil {
			m.log.Debug("looking up the leaders of a queue's partitions", "err", err)
			notify(m.steer)
		}
		if err != nil || known != failures {
			pause, _ = p.after(time.Now())
		} else {
			p.end()
		}
		failures = known
		if !m.sleep(pause) {
			return
		}
	}
}

// look finds the leaders of the assigned partitions. The error tells that it must be repeated.
func (m *member) look() error {
	names, byID := m.topics()
	m.mu.Lock()
	assigned := m.assigned
	m.mu.Unlock()
	ctx, cancel := m.timeout()
	defer cancel()
	if len(assigned) > 0 {
		all, err := m.everyones(ctx)
		if err != nil { // the member's own will do meanwhile
			m.log.Debug("a queue reads the partitions of its own assignment alone", "err", err)
		}
		assigned = joined(assigned, all)
	}
	wanted := make(map[partitionID]string)
	for topic, partitions := range assigned {
		for _, partition := range partitions {
			if name, open := byID[topic]; open {
				wanted[partitionID{topic, partition}] = name
			}
		}
	}
	if len(wanted) == 0 {
		m.lead(nil, nil)
		return nil
	}
	leaders, err := m.leaders(ctx, names)
	if err != nil {
		return err
	}
	for id := range wanted {
		if leader, known := leaders[id]; !known || leader.broker < 0 {
			err = errNoLeader
			delete(leaders, id)
			m.refresh()
		}
	}
	m.lead(wanted, leaders)
	return err
}

// joined returns the partitions of two assignments; some may be there twice.
func joined(one, other map[[16]byte][]int32) map[[16]byte][]int32 {
	all := make(map[[16]byte][]int32, len(one))
	for topic, partitions := range one {
		all[topic] = append(slices.Clone(partitions), other[topic]...)
	}
	return all
}

// leadership is who leads a partition, and since when.
type leadership struct {
	broker int32 // -1 if there is no leader
	epoch  int32 // which every election changes
}

// lead is a source of a partition, and the epoch of its leadership.
type lead struct {
	source *source
	epoch  int32
}

// leaders asks for the leaders of all partitions of topics.
func (m *member) leaders(ctx context.Context, names []string) (map[partitionID]leadership, error) {
	answer, err := cluster.AskAny[*kmsg.MetadataResponse](ctx, m.client, func() kmsg.Request {
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{}
		for _, name := range names {
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = &name
			request.Topics = append(request.Topics, topic)
		}
		return request
	})
	if err != nil {
		return nil, fmt.Errorf("looking up the leaders: %w", err)
	}
	return leadersOf(answer), nil
}

// leadersOf returns the leaders of all partitions without an error.
func leadersOf(answer *kmsg.MetadataResponse) map[partitionID]leadership {
	leaders := make(map[partitionID]leadership)
	for i := range answer.Topics {
		t := &answer.Topics[i]
		if kerr.ErrorForCode(t.ErrorCode) != nil {
			continue
		}
		for j := range t.Partitions {
			p := &t.Partitions[j]
			leaders[partitionID{t.TopicID, p.Partition}] = leadership{p.Leader, p.LeaderEpoch}
		}
	}
	return leaders
}

// lead gives the wanted partitions to the sessions of their leaders, and takes them from the others.
func (m *member) lead(wanted map[partitionID]string, leaders map[partitionID]leadership) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isOver {
		return
	}
	leads := make(map[partitionID]lead)
	for id := range wanted {
		if leader, known := leaders[id]; known {
			leads[id] = lead{m.session(leader.broker).source, leader.epoch}
		}
	}
	m.ledger.lead(wanted, leads)
}

// session returns the session with a broker. m.mu is held.
func (m *member) session(broker int32) *session {
	s := m.sessions[broker]
	if s == nil {
		s = newSession(m, broker)
		m.sessions[broker] = s
		if m.calls.Run(s.run) != nil {
			close(s.done)
		}
	}
	return s
}

// lead has records acquired of the wanted partitions from their sources, and of no others. What is held of a partition that was led
// by another broker meanwhile is lost, also if the same one leads it again: a leader begins without locks.
func (l *ledger) lead(wanted map[partitionID]string, leads map[partitionID]lead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range l.partitions {
		if leads[id].source != p.source {
			delete(p.source.leads, id)
			l.unqueue(p.source)
			p.source.wake()
		}
		if _, is := wanted[id]; !is && len(p.held) == 0 {
			l.setFull(p, false)
			delete(l.partitions, id)
		}
	}
	for id, now := range leads {
		p := l.partition(id, now.source)
		if p.source != now.source || p.epoch < now.epoch && p.epoch >= 0 {
			l.lose(p)
		}
		p.source, p.epoch, p.name = now.source, max(p.epoch, now.epoch), wanted[id]
		now.source.leads[id] = p
		now.source.wake()
	}
}

// partition returns a partition. If it is not known, it is one of the source: it may have been taken from the member while records
// of it were on their way.
func (l *ledger) partition(id partitionID, s *source) *partition {
	p := l.partitions[id]
	if p == nil {
		p = &partition{id: id, source: s, epoch: -1, held: make(map[int64]*hold)}
		if t := l.topics[id.topic]; t != nil {
			p.name = t.name
		}
		l.partitions[id] = p
	}
	return p
}

// leave has no records acquired of a partition, until the leaders are looked up again. What is held of it is lost if
// the broker does not lead it anymore.
func (l *ledger) leave(s *source, id partitionID, lost bool) {
	p := s.leads[id]
	delete(s.leads, id)
	l.unqueue(s)
	if lost && p != nil {
		l.lose(p)
	}
}

// troubled has the leaders looked up again soon: a partition has an error.
func (m *member) troubled() {
	m.refresh()
	m.failures.Add(1)
	notify(m.steer)
}
