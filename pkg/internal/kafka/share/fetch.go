package share

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// fetch acquires records for the free places, and tells Kafka acknowledgements with the same request.
func (s *session) fetch(next step) {
	wait := s.waitFor(&next)
	fetch := s.fetchOf(&next, wait)
	sentAt := time.Now()
	answer, err := send[*kmsg.ShareFetchResponse](s.fetching, s, wait, fetch)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	l := s.member.ledger
	if err != nil || s.isResetting() { // after a reset, what was acquired is given back with the session's end
		l.mu.Lock()
		l.giveUp(s.source, next.grant)
		l.mu.Unlock()
		switch {
		case s.fetching.Err() != nil: // Kafka gives back what it has acquired when the connection is closed
			s.stale = true
		case err != nil:
			s.failed(fmt.Errorf("acquiring records: %w", err))
		}
		return
	}
	s.advance()
	clear(s.has)
	for _, p := range next.partitions {
		s.has[p.id] = struct{}{}
	}
	s.take(next, answer, sentAt)
}

// waitFor returns how long the broker may wait for records. Acknowledgements that come meanwhile wait as long, so that the wait is short
// behind records and acknowledgements, and longer the longer nothing has come: what took long may wait somewhat.
func (s *session) waitFor(next *step) time.Duration {
	g := s.member.groups
	s.member.ledger.mu.Lock()
	defer s.member.ledger.mu.Unlock()
	switch {
	case len(next.tell.all) > 0:
		return 0
	case next.scarce:
		return g.busyWait
	case s.source.holds > 0:
		return min(soonWait<<min(s.empty, 16), g.busyWait)
	default:
		return s.idleWait()
	}
}

// idleWait returns how long the broker may wait for records while nothing of it is held.
func (s *session) idleWait() time.Duration {
	wait := min(busyWait<<min(s.empty, 16), s.member.groups.idleWait)
	if s.lock > 0 {
		wait = min(wait, s.lock/lockShare)
	}
	return wait
}

func (s *session) fetchOf(next *step, wait time.Duration) *kmsg.ShareFetchRequest {
	fetch := kmsg.NewPtrShareFetchRequest()
	fetch.GroupID, fetch.MemberID, fetch.ShareSessionEpoch = new(string(s.member.key.group)), &s.member.id, s.epoch
	fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes = int32(wait.Milliseconds()), 1, fetchBytes
	fetch.MaxRecords, fetch.BatchSize, fetch.ShareAcquireMode = int32(next.records), int32(next.records), byRecords
	topics := newFetchTopics()
	wanted := make(map[partitionID]bool, len(next.partitions))
	for _, p := range next.partitions {
		wanted[p.id] = true
		if _, has := s.has[p.id]; !has {
			topics.at(p.id)
		}
	}
	for id, holds := range next.tell.partitions {
		p := topics.at(id)
		for _, r := range ranges(holds) {
			one := kmsg.NewShareFetchRequestTopicPartitionAcknowledgementBatch()
			one.FirstOffset, one.LastOffset, one.AcknowledgeTypes = r.first, r.last, r.types
			p.AcknowledgementBatches = append(p.AcknowledgementBatches, one)
		}
	}
	fetch.Topics = topics.list()
	for id := range s.has {
		if !wanted[id] {
			fetch.ForgottenTopicsData = forget(fetch.ForgottenTopicsData, id)
		}
	}
	return fetch
}

// forget adds a partition to those that the session is not to have anymore.
func forget(all []kmsg.ShareFetchRequestForgottenTopicsData, id partitionID) []kmsg.ShareFetchRequestForgottenTopicsData {
	for i := range all {
		if all[i].TopicID == id.topic {
			all[i].Partitions = append(all[i].Partitions, id.partition)
			return all
		}
	}
	one := kmsg.NewShareFetchRequestForgottenTopicsData()
	one.TopicID, one.Partitions = id.topic, []int32{id.partition}
	return append(all, one)
}

// fetchTopics are the partitions of a fetch.
type fetchTopics struct {
	topics map[[16]byte]map[int32]*kmsg.ShareFetchRequestTopicPartition
}

func newFetchTopics() *fetchTopics {
	return &fetchTopics{topics: make(map[[16]byte]map[int32]*kmsg.ShareFetchRequestTopicPartition)}
}

// at returns a partition, which is added if it is not there.
func (f *fetchTopics) at(id partitionID) *kmsg.ShareFetchRequestTopicPartition {
	partitions := f.topics[id.topic]
	if partitions == nil {
		partitions = make(map[int32]*kmsg.ShareFetchRequestTopicPartition)
		f.topics[id.topic] = partitions
	}
	p := partitions[id.partition]
	if p == nil {
		one := kmsg.NewShareFetchRequestTopicPartition()
		one.Partition, one.PartitionMaxBytes = id.partition, fetchBytes
		p = &one
		partitions[id.partition] = p
	}
	return p
}

func (f *fetchTopics) list() (all []kmsg.ShareFetchRequestTopic) {
	for id, partitions := range f.topics {
		topic := kmsg.NewShareFetchRequestTopic()
		topic.TopicID = id
		for _, p := range partitions {
			topic.Partitions = append(topic.Partitions, *p)
		}
		all = append(all, topic)
	}
	return all
}

// fetched is what was acquired of a partition.
type fetched struct {
	id  partitionID
	all []acquired
}

// take handles the answer to a fetch: first what was told, which frees places, and then the records.
func (s *session) take(next step, answer *kmsg.ShareFetchResponse, sentAt time.Time) {
	lock := lockOf(answer.AcquisitionLockTimeoutMillis)
	s.lock = lock
	s.confirm(next.tell, sentAt)
	decoded := s.decode(answer)
	if s.empty++; len(decoded) > 0 || len(next.tell.all) > 0 {
		s.empty = 0
	}
	l := s.member.ledger
	l.mu.Lock()
	paused := false
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			paused = s.told(next.tell, partitionID{t.TopicID, p.Partition}, kerr.ErrorForCode(p.AcknowledgeErrorCode), lock) || paused
		}
	}
	paused = s.untold(next.tell) || paused
	now := time.Now()
	for _, p := range next.partitions {
		p.hear(now) // an error takes it from the session
	}
	for _, f := range decoded {
		if p := l.partition(f.id, s.source); p.source == s.source {
			l.deal(p, f.all, sentAt.Add(lock), now)
		}
	}
	l.giveUp(s.source, next.grant)
	full := l.fullOf(next.partitions, decoded, s.member.mostLocks, now)
	l.tellWorkers(next.partitions, s.member.groups.fullFor, now)
	l.mu.Unlock()
	s.tellFull(full)
	s.heed(answer)
	if paused {
		s.holdBack(errOmitted)
	}
}

// decode decodes the records of an answer.
func (s *session) decode(answer *kmsg.ShareFetchResponse) (all []fetched) {
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			if p := &t.Partitions[j]; p.ErrorCode == 0 && len(p.AcquiredRecords) > 0 {
				all = append(all, fetched{partitionID{t.TopicID, p.Partition}, s.member.decoder.decode(p.Partition, p.Records, p.AcquiredRecords)})
			}
		}
	}
	return all
}

// heed handles the errors of partitions. A partition that has one is fetched again when its leader was looked up.
func (s *session) heed(answer *kmsg.ShareFetchResponse) {
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			if err := kerr.ErrorForCode(t.Partitions[j].ErrorCode); err != nil {
				s.partitionFailed(partitionID{t.TopicID, t.Partitions[j].Partition}, err)
			}
		}
	}
}

func (s *session) partitionFailed(id partitionID, err error) {
	m := s.member
	m.log.Debug("acquiring records of a partition failed", "partition", id.partition, "err", err)
	m.ledger.mu.Lock()
	m.ledger.leave(s.source, id, isLoss(err))
	m.ledger.mu.Unlock()
	if isDenial(err) {
		m.deny(id.topic, err)
	}
	m.troubled()
}

// deny ends a topic for all workers, since Kafka does not allow its use.
func (m *member) deny(id [16]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.workers {
		if h.topic.ID() == id {
			h.topic.Deny(proxy.Wrap(err, proxy.KindNotAuthorized, "topic: Kafka does not authorise reading from %q.", h.topic.Name))
		}
	}
}
