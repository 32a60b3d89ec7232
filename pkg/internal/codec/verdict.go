package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// MostVerdicts is how many records one message may settle.
const MostVerdicts = 1000

// Verdicts is a client's message that gives one verdict on records of a queue.
type Verdicts struct {
	Verdict   proxy.Verdict
	Positions []proxy.Position // in the order of the message
	Unknown   []string         // ids that are none of records of the topic
}

// verdicts is the shape of the messages, for errors.
const verdicts = `{"accept":[…]}, {"release":[…]}, {"reject":[…]} or {"renew":[…]}`

// DecodeVerdicts reads a client's message such as {"accept":["topic-0-1-2"]}. Its verb has an array of ids, or one id; other members
// are ignored. Beside an error there are no Verdicts, which share no memory with frame.
func (q *Queue) DecodeVerdicts(frame []byte) (Verdicts, *proxy.Error) {
	s := scanner{data: frame}
	var verdict proxy.Verdict
	var ids token
	verbs, object := 0, s.peek() == '{'
	if object {
		verdict, verbs = scanVerdict(&s, &ids)
	} else {
		s.skip()
	}
	switch {
	case !s.end():
		return Verdicts{}, invalidJSON(&s)
	case !object || verbs == 0:
		return Verdicts{}, proxy.Errorf(proxy.KindInvalidMessage, "the message must be one of %s", verdicts)
	case verbs > 1:
		return Verdicts{}, proxy.Errorf(proxy.KindInvalidMessage, "the message has more than one verb: it must be one of %s", verdicts)
	}
	v := Verdicts{Verdict: verdict}
	e := v.read(q.topic, s.data[:ids.end], &ids)
	if e != nil {
		return Verdicts{}, e
	}
	return v, nil
}

// scanVerdict reads the members of the object at which the scanner is, and returns the last verb and how many there are.
func scanVerdict(s *scanner, ids *token) (verdict proxy.Verdict, verbs int) {
	s.pos++
	for first := true; ; first = false {
		name, ok := s.member(first)
		if !ok {
			return verdict, verbs
		}
		if named := verdictOf(name); named != 0 {
			verdict = named
			verbs++
			s.value(ids)
		} else {
			s.skip()
		}
	}
}

// verdictOf returns the verdict of a verb, 0 for other names.
func verdictOf(name []byte) proxy.Verdict {
	switch string(name) {
	case "accept":
		return proxy.Accept
	case "release":
		return proxy.Release
	case "reject":
		return proxy.Reject
	case "renew":
		return proxy.Renew
	}
	return 0
}

// read reads the ids of a message that is known to be JSON.
func (v *Verdicts) read(topic string, data []byte, ids *token) *proxy.Error {
	s := scanner{data: data, pos: ids.start}
	if ids.kind != kindArray {
		return v.readID(topic, &s, ids)
	}
	s.pos++
	for first := true; s.element(first); first = false {
		if len(v.Positions)+len(v.Unknown) == MostVerdicts {
			return proxy.Errorf(proxy.KindInvalidMessage, "%s has more than %d ids: nothing was settled", v.Verdict, MostVerdicts)
		}
		var id token
		s.value(&id)
		if e := v.readID(topic, &s, &id); e != nil {
			return e
		}
	}
	return nil
}

// readID reads one id.
func (v *Verdicts) readID(topic string, s *scanner, id *token) *proxy.Error {
	if id.kind != kindString {
		return wrongShape(s, v.Verdict.String(), id, "an array of the wsProxyMessageIds of records, or one of them")
	}
	text := string(s.text(id))
	if position, err := proxy.ParsePosition(text); err == nil && position.Topic == topic {
		v.Positions = append(v.Positions, position)
	} else {
		v.Unknown = append(v.Unknown, text)
	}
	return nil
}
