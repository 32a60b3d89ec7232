package codec

import (
	"errors"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Answer is what the proxy answers a message of a client: where the record was written, or why it was not.
type Answer struct {
	Ack     proxy.Ack
	Refusal *Refusal // nil where the record was written
}

// Refusal is an error frame as a client sees it.
type Refusal struct {
	Code, Message string
	Retriable     bool
	ID            string // wsProxyMessageId, empty where there is none
}

// errAnswer is the error for an answer that has another shape.
var errAnswer = errors.New("the proxy has sent an answer that this client does not know")

// DecodeAnswers appends the answers in a frame of /socket/in to into: one, or those of a batch.
func DecodeAnswers(frame []byte, into []Answer) (answers []Answer, isBatch bool, err error) {
	s := scanner{data: frame, maxDepth: anyDepth}
	if s.peek() != '[' {
		var a Answer
		ok := a.scan(&s)
		if !ok || !s.end() {
			return into, false, errAnswer
		}
		return append(into, a), false, nil
	}
	s.pos++
	for first := true; s.element(first); first = false {
		var a Answer
		if !a.scan(&s) {
			return into, true, errAnswer
		}
		into = append(into, a)
	}
	if !s.end() {
		return into, true, errAnswer
	}
	return into, true, nil
}

// scan reads the object at which the scanner is.
func (a *Answer) scan(s *scanner) bool {
	if s.peek() != '{' {
		return false
	}
	var partition, offset, timestamp token
	for name := range s.members {
		switch string(name) {
		case "partition":
			s.value(&partition)
		case "offset":
			s.value(&offset)
		case "timestamp":
			s.value(&timestamp)
		case "error":
			a.Refusal = new(Refusal)
			a.Refusal.scan(s)
		default:
			s.skip()
		}
	}
	if s.fault != "" || a.Refusal != nil {
		return s.fault == ""
	}
	p, okPartition := integer(s, &partition)
	o, okOffset := integer(s, &offset)
	t, okTimestamp := integer(s, &timestamp)
	a.Ack = proxy.Ack{Partition: int32(p), Offset: o, Timestamp: t}
	return okPartition && okOffset && okTimestamp
}

// scan reads {"code":…,"message":…,"retriable":…}.
func (r *Refusal) scan(s *scanner) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	for name := range s.members {
		var t token
		switch string(name) {
		case "code":
			r.Code = s.scanText(&t)
		case "message":
			r.Message = s.scanText(&t)
		case "retriable":
			s.value(&t)
			r.Retriable = t.kind == kindBool && s.data[t.start] == 't'
		default:
			s.skip()
		}
	}
}

// scanText reads a value, and returns its text if it is a string.
func (s *scanner) scanText(t *token) string {
	if !s.value(t) || t.kind != kindString {
		return ""
	}
	return string(s.text(t))
}
