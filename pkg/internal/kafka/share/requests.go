package share

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// fetchBytes is about how many bytes a fetch returns at most. It returns one batch at least.
	fetchBytes = 1 << 20
	// byRecords is the mode that acquires no more records than are asked for (KIP-1206).
	byRecords = 1
	// finalEpoch closes a session.
	finalEpoch = -1
)

var errOmitted = errors.New("the answer leaves out the partition")

// failed handles the failure of a whole request.
func (s *session) failed(err error) {
	switch {
	case errors.Is(err, kerr.ShareSessionLimitReached):
		if s.holdBack(err) > limitAtMost {
			s.member.fail(proxy.Wrap(err, proxy.KindOverloaded, "Kafka has no room for another session of a queue."))
		}
		return
	case errors.Is(err, kerr.ShareSessionNotFound), errors.Is(err, kerr.InvalidShareSessionEpoch): // nothing of the request was done
		s.member.ledger.unsend(s.source)
	}
	if end := final(err, s.member.key.group, false); end != nil {
		s.member.fail(end)
	}
	s.broken(err)
}

// unsend notes that Kafka has done nothing of the request under way.
func (l *ledger) unsend(s *source) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.partitions {
		if p.source == s {
			for _, h := range p.held {
				h.sent = false
			}
		}
	}
}

// advance notes that a request was answered.
func (s *session) advance() {
	s.pauses.end()
	if s.epoch == math.MaxInt32 {
		s.epoch = 0
	}
	s.epoch++
}

// send sends a request of the session and waits for the answer.
func send[A kmsg.Response](ctx context.Context, s *session, wait time.Duration, request kmsg.Request) (A, error) {
	m := s.member
	s.askedAt = time.Now()
	s.asked.Add(1)
	ctx, cancel := context.WithTimeout(ctx, wait+m.groups.cluster.Settings.ClientRequestTimeout)
	defer cancel()
	return cluster.Ask[A](ctx, m.client.Broker(int(s.broker)), request)
}

// acknowledge tells Kafka acknowledgements, and fetches nothing.
func (s *session) acknowledge(b *batch) {
	sentAt := time.Now()
	answer, err := s.askAcknowledge(b, s.epoch)
	if err != nil {
		s.failed(fmt.Errorf("acknowledging records: %w", err))
		return
	}
	s.advance()
	s.confirm(b, sentAt)
	l := s.member.ledger
	l.mu.Lock()
	failed := false
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			p := &t.Partitions[j]
			failed = s.told(b, partitionID{t.TopicID, p.Partition}, kerr.ErrorForCode(p.ErrorCode), lockOf(answer.AcquisitionLockTimeoutMillis)) || failed
		}
	}
	failed = s.untold(b) || failed
	l.mu.Unlock()
	if failed {
		s.holdBack(errOmitted)
	}
}

// lockOf converts the duration of locks.
func lockOf(millis int32) time.Duration { return time.Duration(millis) * time.Millisecond }

func (s *session) askAcknowledge(b *batch, epoch int32) (*kmsg.ShareAcknowledgeResponse, error) {
	request := kmsg.NewPtrShareAcknowledgeRequest()
	request.GroupID, request.MemberID, request.ShareSessionEpoch = new(string(s.member.key.group)), &s.member.id, epoch
	request.IsRenewAck, request.Topics = b.renews, b.acknowledgements()
	answer, err := send[*kmsg.ShareAcknowledgeResponse](s.member.life, s, 0, request)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	return answer, err
}

// told handles the answer about what was told of a partition. It returns whether a pause is due. ledger.mu is held.
func (s *session) told(b *batch, id partitionID, err error, lock time.Duration) (failed bool) {
	if _, asked := b.partitions[id]; !asked {
		return false
	}
	s.member.ledger.answered(b, id, err, lock, time.Now())
	if p := s.member.ledger.partitions[id]; p != nil && err == nil {
		p.hear(time.Now())
	}
	if isLoss(err) {
		s.member.ledger.leave(s.source, id, true)
		notify(s.member.steer)
	}
	return err != nil && !isRefusal(err) && !isLoss(err)
}

// untold handles the partitions of which the answer has told nothing. ledger.mu is held.
func (s *session) untold(b *batch) (some bool) {
	for id, holds := range b.partitions {
		for _, h := range holds {
			if !h.over {
				s.member.ledger.endUncertain(h)
			}
		}
		delete(b.partitions, id)
		some = true
	}
	return some
}

// close closes the session at the broker: it gives back what is held through it.
func (s *session) close() {
	if s.epoch > 0 || s.stale {
		if _, err := s.askAcknowledge(&batch{}, finalEpoch); err != nil {
			s.member.log.Debug("a queue's session could not be closed", "broker", s.broker, "err", err)
		}
	}
	s.member.ledger.loseAll(s.source)
	s.epoch, s.stale = 0, false
	clear(s.has)
}
