package share

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// defaultInterval is the interval of heartbeats until Kafka tells it.
	defaultInterval = 5 * time.Second
	// earlyInterval is the interval of the first earlyAtMost heartbeats of a member that has no partitions of a topic.
	earlyInterval = 200 * time.Millisecond
	earlyAtMost   = 50
	// firstPause and lastPause are the pauses after errors: each is twice the one before.
	firstPause, lastPause = 100 * time.Millisecond, 2 * time.Second
	// troubleAtMost is how long errors may last until the workers are told.
	troubleAtMost = 30 * time.Second
	// nowhere stands for a coordinator that is not known.
	nowhere = -1
)

// membership is the state of the heartbeats, which one goroutine sends.
type membership struct {
	coordinator int32
	epoch       int32    // 0 to join
	subscribed  []string // the topics that Kafka was told, nil for none
	interval    time.Duration
	pauses      pauses
	early       int // heartbeats in a row that came early, since partitions are missing
}

// pauses are those between the attempts of something that fails.
type pauses struct {
	since time.Time // of the first failure; zero if there was none
	next  time.Duration
}

// after returns the pause after a failure, and how long it has failed by now.
func (p *pauses) after(now time.Time) (pause, lasting time.Duration) {
	if p.since.IsZero() {
		p.since, p.next = now, firstPause
	}
	pause = p.next
	p.next = min(2*p.next, lastPause)
	return pause, now.Sub(p.since)
}

func (p *pauses) end() { *p = pauses{} }

// prepare asks whether there are share groups, and configures the group, until there are answers. It returns false if the
// member is to end.
func (m *member) prepare() bool {
	var p pauses
	for {
		err := m.prepareOnce()
		if err == nil {
			return true
		}
		if end, is := errors.AsType[*proxy.Error](err); is {
			m.fail(end)
			return false
		}
		if !m.pause(&p, err) {
			return false
		}
	}
}

func (m *member) prepareOnce() error {
	ctx, cancel := m.timeout()
	defer cancel()
	err := askSupport(ctx, m.client)
	switch {
	case errors.Is(err, errFeatureOff) || errors.Is(err, errTooOld):
		return unsupported(err)
	case err != nil:
		return err
	default:
		return m.configure()
	}
}

// timeout bounds a request that Kafka answers at once.
func (m *member) timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(m.life, m.groups.cluster.Settings.ClientRequestTimeout)
}

// pause waits after an error. It returns false if the member is to end.
func (m *member) pause(p *pauses, err error) bool {
	pause, lasting := p.after(time.Now())
	if pause == firstPause {
		m.log.Warn("a queue has trouble with Kafka", "err", err)
	}
	m.mu.Lock()
	m.trouble = err
	m.mu.Unlock()
	if lasting > troubleAtMost {
		m.fail(unavailable(err, m.key.group))
		return false
	}
	return m.sleep(pause)
}

// sleep waits, and returns false if the member is to end.
func (m *member) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.retired:
	case <-m.life.Done():
	}
	return false
}

// heartbeats sends them until the member is to end, and returns the epoch of the membership.
func (m *member) heartbeats() int32 {
	s := membership{coordinator: nowhere, interval: defaultInterval}
	for {
		err := m.heartbeat(&s)
		if end := final(err, m.key.group, s.epoch == 0); end != nil {
			if s.epoch == 0 && end.Kind == proxy.KindInvalidParameter {
				m.unconfigure()
			}
			m.fail(end)
			return s.epoch
		}
		if err == nil {
			s.pauses.end()
			m.succeed()
			notify(m.steer) // a leader may have moved away and back
			if !m.rest(s.due(m.lacks())) {
				return s.epoch
			}
			continue
		}
		m.react(&s, err)
		if !m.pause(&s.pauses, err) {
			return s.epoch
		}
	}
}

// due returns when the next heartbeat is due. A group assigns partitions some time after a member has joined, or wants
// another topic: until then heartbeats come earlier, but not for ever.
func (s *membership) due(lacks bool) time.Duration {
	if !lacks {
		s.early = 0
		return s.interval
	}
	if s.early++; s.early > earlyAtMost {
		return s.interval
	}
	return min(earlyInterval, s.interval)
}

// lacks tells whether no partition is assigned of some topic that workers want. Members of share groups share partitions, so
// that each has some.
func (m *member) lacks() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.workers {
		if len(m.assigned[h.topic.ID()]) == 0 {
			return true
		}
	}
	return false
}

// rest waits until the next heartbeat is due. It returns false if the member is to end.
func (m *member) rest(interval time.Duration) bool {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-m.beat:
		return true
	case <-m.retired:
	case <-m.life.Done():
	}
	return false
}

// react prepares the next attempt after an error.
func (m *member) react(s *membership, err error) {
	s.subscribed = nil // Kafka may not have heard it
	switch {
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.FencedMemberEpoch), errors.Is(err, kerr.GroupIDNotFound):
		m.log.Warn("a queue is not a member of its group anymore and joins again", "err", err)
		s.epoch = 0
		m.reset()
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.UnknownTopicOrPartition):
		m.refresh()
	default:
		s.coordinator = nowhere
		m.client.ForceMetadataRefresh() // the broker may have another address
	}
}

// reset ends all sessions, as Kafka does not know the member anymore. What is held is told to be lost.
func (m *member) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.assigned = nil
	for _, s := range m.sessions {
		s.reset()
	}
}

// refresh has the topics of all workers looked up.
func (m *member) refresh() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.workers {
		h.topic.Refresh()
	}
}

// topics returns the names of the topics that workers want, in order, and the names by the ids.
func (m *member) topics() (names []string, byID map[[16]byte]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID = make(map[[16]byte]string)
	for _, h := range m.workers {
		byID[h.topic.ID()] = h.topic.Name
	}
	for _, name := range byID {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), byID
}

// heartbeat sends one, and takes the assignment from the answer.
func (m *member) heartbeat(s *membership) error {
	ctx, cancel := m.timeout()
	defer cancel()
	if s.coordinator == nowhere {
		coordinator, err := cluster.FindCoordinator(ctx, m.client, m.key.group)
		if err != nil {
			return err //nolint:wrapcheck // it tells what was done
		}
		s.coordinator = coordinator
	}
	names, _ := m.topics()
	if len(names) == 0 {
		return nil // the last worker has left, and the member retires
	}
	request := m.heartbeatOf(s.epoch)
	if s.epoch == 0 || !slices.Equal(names, s.subscribed) {
		request.SubscribedTopicNames = names
	}
	answer, err := m.askHeartbeat(ctx, s.coordinator, request)
	if err != nil {
		return err
	}
	s.epoch, s.subscribed = answer.MemberEpoch, names
	if answer.HeartbeatIntervalMillis > 0 {
		s.interval = time.Duration(answer.HeartbeatIntervalMillis) * time.Millisecond
	}
	m.assign(answer.Assignment)
	return nil
}

func (m *member) heartbeatOf(epoch int32) *kmsg.ShareGroupHeartbeatRequest {
	request := kmsg.NewPtrShareGroupHeartbeatRequest()
	request.GroupID, request.MemberID, request.MemberEpoch = string(m.key.group), m.id, epoch
	return request
}

func (m *member) askHeartbeat(ctx context.Context, coordinator int32, request kmsg.Request) (*kmsg.ShareGroupHeartbeatResponse, error) {
	answer, err := cluster.Ask[*kmsg.ShareGroupHeartbeatResponse](ctx, m.client.Broker(int(coordinator)), request)
	if err == nil {
		err = kerr.ErrorForCode(answer.ErrorCode)
	}
	if err != nil {
		return nil, fmt.Errorf("sending a heartbeat to the queue's group: %w", err)
	}
	return answer, nil
}

// assign takes an assignment; nil leaves it as it is.
func (m *member) assign(a *kmsg.ShareGroupHeartbeatResponseAssignment) {
	if a == nil {
		return
	}
	assigned := make(map[[16]byte][]int32)
	for _, t := range a.TopicPartitions {
		assigned[t.TopicID] = t.Partitions
	}
	m.mu.Lock()
	m.assigned = assigned
	m.mu.Unlock()
	notify(m.steer)
}

// leave tells Kafka that the member leaves. Nothing depends on it: Kafka removes a member that sends no heartbeats.
func (m *member) leave(epoch int32) {
	if epoch == 0 || m.life.Err() != nil {
		return
	}
	ctx, cancel := m.timeout()
	defer cancel()
	coordinator, err := cluster.FindCoordinator(ctx, m.client, m.key.group)
	if err == nil {
		_, err = m.askHeartbeat(ctx, coordinator, m.heartbeatOf(-1))
	}
	if err != nil && !errors.Is(err, kgo.ErrClientClosed) {
		m.log.Debug("a queue could not leave its group", "err", err)
	}
}
