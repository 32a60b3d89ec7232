package socket

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// mostTurns and mostTurnBytes bound the messages of a queue's client that are not answered yet: beyond them no further one is
	// read. One message may exceed the bytes alone.
	mostTurns     = 256
	mostTurnBytes = 64 << 10
)

// turns are the messages of a client that are not answered yet, in their order. They implement intake.
type turns struct {
	room chan struct{} // tells the reader that there may be room for another one

	mu    sync.Mutex // guards what follows
	list  []turn
	bytes int
}

// turn is a message, by its answer or by what else is to be told with the settlement that is waited for.
type turn struct {
	text    []byte   // the answer; nil for acknowledgements
	unknown []string // ids that are none
}

func (t *turn) bytes() int {
	n := len(t.text)
	for _, id := range t.unknown {
		n += len(id)
	}
	return n
}

// begin adds a message with acknowledgements.
func (t *turns) begin(unknown []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.push(turn{unknown: unknown})
}

// add adds a message whose answer is known. It returns false if none before it waits: its answer may be sent.
func (t *turns) add(text []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) == 0 {
		return false
	}
	t.push(turn{text: text})
	return true
}

func (t *turns) push(one turn) {
	t.list = append(t.list, one)
	t.bytes += one.bytes()
}

// first returns the message that is to be answered next.
func (t *turns) first() (one turn, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) == 0 {
		return turn{}, false
	}
	return t.list[0], true
}

// pop removes the first message, whose answer the writer has.
func (t *turns) pop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) == 0 {
		return
	}
	t.bytes -= t.list[0].bytes()
	t.list[0] = turn{}
	if t.list = t.list[1:]; len(t.list) == 0 {
		t.list = nil
	}
	select {
	case t.room <- struct{}{}:
	default:
	}
}

func (t *turns) any() bool {
	_, ok := t.first()
	return ok
}

// hasRoom implements intake.
func (t *turns) hasRoom() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.list) < mostTurns && t.bytes < mostTurnBytes
}

// awaitRoom implements intake.
func (t *turns) awaitRoom(done <-chan struct{}) error {
	for !t.hasRoom() {
		select {
		case <-t.room:
		case <-done:
			return errEnded
		}
	}
	return nil
}

// passAnswers answers the first message by its settlement, and those behind it whose answers are known.
func (f *queue) passAnswers(s *proxy.Settlement) error {
	one, _ := f.turns.first()
	if frames := f.appendOutcome(nil, s, one.unknown); len(frames) > 0 {
		if err := f.hand(queueBatch{frames: frames}); err != nil {
			return err
		}
	}
	f.turns.pop()
	for {
		one, ok := f.turns.first()
		if !ok || one.text == nil {
			return nil
		}
		if err := f.hand(queueBatch{frames: appendFrame(nil, opText, one.text)}); err != nil {
			return err
		}
		f.turns.pop()
	}
}

// appendOutcome appends the frames that answer a message: an error for each id that has failed, and then what the client asked
// to be told.
func (f *queue) appendOutcome(dst []byte, s *proxy.Settlement, unknown []string) []byte {
	for _, id := range unknown {
		dst = appendFailure(dst, proxy.KindUnknownMessageID, id)
	}
	for i := range s.Results {
		if kind, failed := s.Results[i].Result.Kind(); failed {
			dst = appendFailure(dst, kind, s.Results[i].Position.String())
		}
	}
	switch {
	case s.Acknowledgement == proxy.Renew:
		return appendFrame(dst, opText, codec.AppendRenewed(nil, s))
	case f.options.Confirm:
		return appendFrame(dst, opText, codec.AppendSettled(nil, s))
	}
	return dst
}

// appendFailure appends the error frame of a record whose acknowledgement has failed.
func appendFailure(dst []byte, kind proxy.Kind, id string) []byte {
	message := "The connection does not hold this record, or has settled it before."
	switch kind {
	case proxy.KindLockExpired:
		message = "The lock of the record had ended: another client may have it by now."
	case proxy.KindCommitFailed:
		message = "Kafka did not take the acknowledgement, or did not answer: send it again."
	}
	return appendFrame(dst, opText, codec.AppendError(nil, &proxy.Error{Kind: kind, Message: message}, codec.MessageIDName, id))
}

// longestID is no shorter than any id of a record with its quotes and comma.
const longestID = 320

// appendExpired appends frames that tell whose locks have ended: one, unless the client takes no message of its length.
func (f *queue) appendExpired(dst []byte, records []proxy.Position) []byte {
	most := len(records)
	if longest := f.options.Longest; longest > 0 {
		most = min(most, max(1, longest/longestID))
	}
	for len(records) > 0 {
		n := min(most, len(records))
		dst = appendFrame(dst, opText, codec.AppendExpired(nil, records[:n]))
		records = records[n:]
	}
	return dst
}
