package share

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

// quietAtMost is for how long the session may have had no answer about a partition until the leadership is looked up behind an
// acknowledgement. In less time no leader moves away and back while another member acquires a record and settles it.
const quietAtMost = 20 * time.Millisecond

// confirm finds out, behind the answer to acknowledgements that began a request at sentAt, whether the broker has led their partitions all the
// time: a leader that has moved away and back confirms acknowledgements on records that others have settled meanwhile. A request in
// between would have told. The broker is asked itself: it knows of its leadership before it acts by it. What was held under an earlier
// leadership is lost.
func (s *session) confirm(b *batch, sentAt time.Time) {
	quiet, request := s.member.ledger.quiet(b, sentAt)
	if len(quiet) == 0 {
		return
	}
	leaders, err := s.askLeaders(request)
	l := s.member.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range quiet {
		now, known := leaders[p.id]
		p.unsure = false // else what is held of it is lost
		if p.source == s.source && (err != nil || !known || now.epoch != p.epoch) {
			s.member.log.Debug("a partition of a queue may have had another leader", "partition", p.id.partition, "err", err)
			l.lose(p)
			p.epoch = max(p.epoch, now.epoch)
		}
	}
}

// hear notes that the broker has answered about the partition as its leader. After a long silence that does not tell that it was
// the leader all the time.
func (p *partition) hear(now time.Time) {
	p.unsure = p.unsure || len(p.held) > 0 && now.Sub(p.heard) > quietAtMost
	p.heard = now
}

// quiet returns the partitions of a batch of which nothing was heard for a while before a request, or before that since records were
// acquired, and what is to be asked about them.
func (l *ledger) quiet(b *batch, sentAt time.Time) (some []*partition, request *kmsg.MetadataRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	request = kmsg.NewPtrMetadataRequest()
	asked := make(map[[16]byte]bool)
	for id := range b.partitions {
		p := l.partitions[id]
		if p == nil || p.epoch < 0 || !p.unsure && sentAt.Sub(p.heard) <= quietAtMost {
			continue
		}
		some = append(some, p)
		if !asked[id.topic] {
			asked[id.topic] = true
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = new(p.name)
			request.Topics = append(request.Topics, topic)
		}
	}
	return some, request
}

// askLeaders asks the session's broker itself who leads partitions.
func (s *session) askLeaders(request *kmsg.MetadataRequest) (map[partitionID]leadership, error) {
	m := s.member
	ctx, cancel := m.timeout()
	defer cancel()
	answer, err := cluster.Ask[*kmsg.MetadataResponse](ctx, m.client.Broker(int(s.broker)), request)
	if err != nil {
		return nil, fmt.Errorf("looking up a leader behind acknowledgements: %w", err)
	}
	return leadersOf(answer), nil
}
