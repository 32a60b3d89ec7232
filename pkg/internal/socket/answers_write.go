package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
)

// part is how much of a batch's answer has been appended, where it is too long for one write: the
// number of answers so far to its entries, and to its faults.
type part struct{ entries, faults int }

func (p part) size() int { return p.entries + p.faults }

// fill implements source. What does not fit one write is left for the next.
func (a *answers) fill(dst []byte) []byte {
	if len(a.taken) == 0 && !a.take() {
		return dst
	}
	for a.filled < len(a.taken) && a.extension.filled(dst) < fillSize {
		dst = a.appendSlot(dst, a.taken[a.filled])
	}
	return dst
}

// midMessage implements source.
func (a *answers) midMessage() bool { return a.part.size() > 0 }

// wrote implements source.
func (a *answers) wrote() {
	if a.filled == 0 {
		return
	}
	written := a.taken[:a.filled]
	a.count(written, time.Now())
	messages := 0
	var f freed
	a.mu.Lock()
	for _, s := range written {
		messages += s.share.messages
		s.written = true
		a.release(s, &f)
	}
	a.trim()
	a.mu.Unlock()
	a.giveBack(f)
	a.answered(messages)
	rest := copy(a.taken, a.taken[a.filled:])
	clear(a.taken[rest:])
	a.taken, a.filled = a.taken[:rest], 0
}

// rest implements source.
func (a *answers) rest() {
	if len(a.taken) > 0 {
		return
	}
	a.taken = nil
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 {
		a.queue, a.free = nil, nil
	}
}

// count adds the answers that were written to the metrics. An answer does not change once it is
// set, so that a.mu need not be held.
func (a *answers) count(written []*slot, now time.Time) {
	answered, failed, aside := 0, 0, 0
	for _, s := range written {
		for i := range s.entries {
			switch e := &s.entries[i]; {
			case e.text != nil:
				aside++
			case e.err != nil:
				a.topic.Error(e.err.Kind)
				failed++
			}
		}
		failed += s.batch.FaultCount()
		for i := range s.batch.FaultCount() {
			a.topic.Error(s.batch.Faults[i].Err.Kind)
		}
		answered += s.size()
		a.topic.Seconds.Observe(now.Sub(s.received).Seconds())
	}
	a.topic.Records.Add(float64(answered - failed - aside))
	a.total.Add(int64(answered - failed - aside))
	a.metrics.InFlight.Sub(float64(answered))
}

// appendSlot appends the frame that answers a slot, or one frame of several.
func (a *answers) appendSlot(dst []byte, s *slot) []byte {
	if s.batch != nil {
		return a.appendBatch(dst, s)
	}
	dst, mark := beginFrame(dst)
	e := &s.entries[0]
	dst = a.appendEntry(dst, e)
	a.filled++
	switch {
	case e.text != nil: // answers credentials
		return endFrame(dst, mark, opText)
	case e.err == nil && a.codec.Binary():
		return a.extension.endMessage(dst, mark, opBinary)
	}
	return a.extension.endMessage(dst, mark, opText)
}

// appendBatch appends the array that answers a batch. An array that is longer than fillSize is
// sent in fragments of about that length, so that it need not be held in memory: the answers to a
// batch can be a hundred times as long as the batch.
func (a *answers) appendBatch(dst []byte, s *slot) []byte {
	op, open := opText, byte('[')
	if a.midMessage() {
		op, open = opContinuation, ','
	}
	dst, mark := beginFrame(dst)
	for size := s.size(); a.part.size() < size && len(dst)-mark < fillSize; open = ',' {
		dst = a.appendNext(append(dst, open), s)
	}
	if a.part.size() < s.size() {
		return endFragment(dst, mark, op)
	}
	if s.size() == 0 {
		dst = append(dst, open)
	}
	a.part = part{}
	a.filled++
	dst = append(dst, ']')
	if op == opContinuation { // the message was begun uncompressed
		return endFrame(dst, mark, op)
	}
	return a.extension.endMessage(dst, mark, op)
}

// appendNext appends the next of the answers to a batch.
func (a *answers) appendNext(dst []byte, s *slot) []byte {
	p := &a.part
	if faults := s.batch.Faults; p.faults < len(faults) && faults[p.faults].At == p.size() {
		p.faults++
		return codec.AppendError(dst, faults[p.faults-1].Err, "", "")
	}
	p.entries++
	return a.appendEntry(dst, &s.entries[p.entries-1])
}

func (a *answers) appendEntry(dst []byte, e *entry) []byte {
	if e.text != nil {
		return append(dst, e.text...)
	}
	if e.err == nil {
		return a.codec.AppendAck(dst, e.ack, e.id, e.hasID)
	}
	name := ""
	if e.hasID {
		name = "messageId"
	}
	return codec.AppendError(dst, e.err, name, e.id)
}
