package socket

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// slotsPerFill bounds how many frames are answered in one write.
const slotsPerFill = 512

const (
	// keptSlots is how many slots of single messages are kept for reuse while there are
	// messages in flight. Without any, slotsPerFill are kept.
	keptSlots = limit.MaxMessages
	// slotsPerBlock is how many slots are allocated together, if as many messages are in flight.
	slotsPerBlock = 16
	// keptEntries is the largest slot that is kept for reuse: a batch may have half a million.
	keptEntries = 64
)

// answers is the queue of a connection's answers, in the order of its messages. The reader
// puts a slot in for each frame, Kafka's acknowledgements complete slots in any order, and
// the writer takes them from the head.
type answers struct {
	// Fixed after construction.
	codec     codec.In
	window    *limit.Window
	memory    *budget.Account
	timeout   time.Duration
	metrics   *metrics.Metrics
	topic     *metrics.Produced
	total     *atomic.Int64 // records of the connection that Kafka acknowledged
	wake      func()
	extension *extension    // of the connection
	most      int           // messages without an answer, above which no other is read
	backlog   *backlog      // of messages at Kafka, above which no other is read
	room      chan struct{} // tells the reader, where it waits, that another may be

	unanswered atomic.Int64 // messages that were read and whose answers are not written
	isWaiting  atomic.Bool  // whether the reader waits for room

	// The writer's.
	taken  []*slot // being written
	filled int     // how many of them fill has appended completely
	part   part    // how much of the next one fill has appended

	mu     sync.Mutex // guards what follows, and the slots
	acked  ackClock
	queue  []*slot
	free   []*slot
	closed bool
	ended  bool // the connection has ended: nothing is written anymore
}

// slot is the place of one frame's answers. It is freed, with its share of the window, when
// its answers are written and Kafka's client has released its records.
type slot struct {
	queue    *answers
	received time.Time
	batch    *codec.Batch // nil where the frame is a single message
	written  bool
	late     bool
	share    share
	charged  bool     // whether the budget's part of the share is held
	open     int      // entries without an answer
	held     int      // entries that Kafka's client holds, plus one while the reader holds the slot
	entries  []entry  // one for each message that is not among the faults of the batch
	first    [1]entry // storage for the entry of a frame that is no batch
}

// entry is one message of a slot. It implements proxy.Completion.
type entry struct {
	slot     *slot
	id       string
	hasID    bool
	answered bool
	ack      proxy.Ack
	err      *proxy.Error
	text     []byte         // the answer itself, to a message that carries no record
	span     *trace.Message // nil without traces
}

// push appends the slot of a frame. Messages that could not be decoded are answered at once, the others when
// Done of their entry is called. acquired tells that the slot's share is acquired; otherwise the reader holds
// the slot until it calls settle. push returns nil where nothing will be answered anymore.
func (a *answers) push(messages []codec.Message, batch *codec.Batch, of share, received time.Time, acquired bool) *slot {
	var s *slot
	if len(messages) > keptEntries { // acknowledgements do not wait until so many are entered
		s = &slot{queue: a}
		s.enter(messages)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	if s == nil {
		s = a.blank()
		s.enter(messages)
	}
	s.batch, s.share, s.received, s.charged = batch, of, received, acquired
	if !acquired {
		s.held++
	}
	a.queue = append(a.queue, s)
	a.unanswered.Add(int64(of.messages))
	a.backlog.read(s.open)
	if oldest := a.queue[0]; oldest.open > 0 {
		a.backlog.checkAge(oldest.received, received)
	}
	a.metrics.InFlight.Add(float64(s.size()))
	if s.open == 0 {
		a.wake()
	}
	return s
}

// enter fills an empty slot.
func (s *slot) enter(messages []codec.Message) {
	s.entries = slices.Grow(s.entries, len(messages))
	for i := range messages {
		m := &messages[i]
		s.entries = append(s.entries, entry{slot: s, id: m.ID, hasID: m.HasID, err: m.Err, answered: m.Err != nil})
		if m.Err == nil {
			s.open++
			s.held++
		}
	}
}

// hasRoom implements intake. The window alone does not bound the messages without an answer: one that waits
// for it is read already.
func (a *answers) hasRoom() bool { return a.unanswered.Load() < int64(a.most) && a.backlog.hasRoom() }

// awaitRoom implements intake.
func (a *answers) awaitRoom(done <-chan struct{}) error {
	a.isWaiting.Store(true)
	defer a.isWaiting.Store(false)
	for !a.hasRoom() {
		select {
		case <-a.room:
		case <-done:
			return errEnded
		}
	}
	return nil
}

// answered tells the reader that the answers to messages are written.
func (a *answers) answered(messages int) {
	a.unanswered.Add(int64(-messages))
	a.tellReader()
}

// tellReader wakes the reader where it waits for room and there is some.
func (a *answers) tellReader() {
	if !a.isWaiting.Load() || !a.hasRoom() {
		return
	}
	select {
	case a.room <- struct{}{}:
	default:
	}
}

// trace gives the first messages of a slot their spans, which end when they are answered.
func (a *answers) trace(s *slot, spans []*trace.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, span := range spans {
		e := &s.entries[i]
		if e.span = span; e.answered {
			span.End(e.ack, e.err)
		}
	}
}

// isLate tells whether the slot was answered TIMEOUT while it waited for the window.
func (a *answers) isLate(s *slot) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return s.late
}

// settle ends the reader's hold on a slot, which has its share of the window from now on.
func (a *answers) settle(s *slot) {
	var f freed
	a.mu.Lock()
	s.held--
	a.release(s, &f)
	a.mu.Unlock()
	a.giveBack(f)
}

// blank returns an empty slot. a.mu is held.
func (a *answers) blank() *slot {
	if n := len(a.free); n > 0 {
		s := a.free[n-1]
		a.free = a.free[:n-1]
		*s = slot{queue: a, entries: s.entries[:0]}
		return s
	}
	more := make([]slot, min(len(a.queue)+1, slotsPerBlock))
	for i := range more[1:] {
		s := &more[1+i]
		s.queue, s.entries = a, s.first[:0]
		a.free = append(a.free, s)
	}
	s := &more[0]
	s.queue, s.entries = a, s.first[:0]
	return s
}

// Done implements proxy.Completion. An answer that was given already, TIMEOUT, stays.
func (e *entry) Done(ack proxy.Ack, err error) {
	s := e.slot
	a := s.queue
	var failed *proxy.Error
	if err != nil {
		failed = proxy.AsError(err)
	}
	var f freed
	a.mu.Lock()
	s.held--
	if !e.answered {
		e.answer(ack, failed, a.acked.after(s.received))
	}
	first := s.open == 0 && len(a.queue) > 0 && a.queue[0] == s
	a.release(s, &f)
	a.mu.Unlock()
	if first {
		a.wake()
	}
	a.giveBack(f)
}

// answer sets the answer to a message. The lock of its answers is held.
func (e *entry) answer(ack proxy.Ack, err *proxy.Error, now time.Time) {
	e.answered, e.ack, e.err = true, ack, err
	s := e.slot
	s.open--
	s.queue.backlog.answered(s.received, now, err == nil)
	s.queue.tellReader()
	e.span.End(ack, err)
}

// refuse answers messages that Kafka's client has not released yet: the entries stay held.
func (a *answers) refuse(entries []*entry, outcomes []proxy.Outcome) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, e := range entries {
		if !e.answered {
			e.answer(proxy.Ack{}, outcomes[i].Err, now)
		}
	}
	if len(a.queue) > 0 && a.queue[0].open == 0 {
		a.wake()
	}
}

// release adds to f what is no longer needed of a slot: first the memory of its records, then the slot.
// a.mu is held.
func (a *answers) release(s *slot, f *freed) {
	if s.held > 0 {
		return
	}
	if s.charged {
		f.budget += s.share.inKafka
		s.share.inKafka = 0
		if s.written || a.ended {
			f.budget += s.share.inQueue
			s.share.inQueue = 0
		}
	}
	if !s.written {
		return
	}
	f.messages += s.share.messages
	f.bytes += s.share.bytes
	clear(s.entries) // drops references to what clients sent
	s.batch = nil
	if a.isKept(s) {
		a.free = append(a.free, s)
	}
}

// isKept tells whether a slot is kept for reuse. a.mu is held.
func (a *answers) isKept(s *slot) bool {
	if cap(s.entries) == len(s.first) {
		return len(a.free) < keptSlots
	}
	return len(a.free) < slotsPerFill && cap(s.entries) <= keptEntries
}

// trim bounds what an idle connection keeps. a.mu is held.
func (a *answers) trim() {
	if len(a.queue) == 0 && len(a.free) > slotsPerFill {
		clear(a.free[slotsPerFill:])
		a.free = a.free[:slotsPerFill]
	}
}

// size returns how many messages are answered in the slot.
func (s *slot) size() int { return len(s.entries) + s.batch.FaultCount() }

// take moves the complete slots at the head of the queue to taken.
func (a *answers) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) > 0 {
		a.expire(time.Now())
	}
	n := 0
	for n < len(a.queue) && n < slotsPerFill && a.queue[n].open == 0 {
		n++
	}
	a.taken = append(a.taken, a.queue[:n]...)
	rest := copy(a.queue, a.queue[n:])
	clear(a.queue[rest:])
	a.queue = a.queue[:rest]
	return n > 0
}

// expire answers TIMEOUT where a message has waited too long. The entries stay held, and their
// slot keeps its share of the window, until Kafka's client releases them. a.mu is held.
func (a *answers) expire(now time.Time) {
	var late *proxy.Error // the same for all
	for _, s := range a.queue {
		if now.Sub(s.received) < a.timeout {
			return
		}
		if late == nil {
			late = proxy.Errorf(proxy.KindTimeout,
				"Kafka did not acknowledge the message within %s: it may have been written, or may yet be.", a.timeout)
		}
		s.late = s.late || s.open > 0
		for i := range s.entries {
			if e := &s.entries[i]; !e.answered {
				e.answer(proxy.Ack{}, late, now)
			}
		}
	}
}

// due implements source: the time at which the oldest message will have waited too long, or the
// earliest at which a message that comes from now on can. So push need not wake the writer.
func (a *answers) due() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		return time.Now().Add(a.timeout)
	}
	return a.queue[0].received.Add(a.timeout)
}

// over implements source. Once it has returned true, push refuses frames: their messages would be
// produced and never answered.
func (a *answers) over(late bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = late || len(a.queue) == 0 && len(a.taken) == 0
	return a.closed
}

// abandon releases the slots that are not answered, after the connection's end.
func (a *answers) abandon() {
	var f freed
	a.mu.Lock()
	a.ended = true
	for _, s := range append(a.taken, a.queue...) {
		a.metrics.InFlight.Sub(float64(s.size()))
		a.release(s, &f)
	}
	a.queue, a.taken = nil, nil
	a.mu.Unlock()
	a.giveBack(f)
}
